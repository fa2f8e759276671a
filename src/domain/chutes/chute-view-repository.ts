import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { Cord } from "../../wire/cords.js";
import type { AccountCard } from "../accounts/account.js";
import type { Image } from "../images/image.js";
import type { StandardTemplate } from "./chute.js";
import { type ChuteFacts, type ChuteFactsRow, selectChuteFacts, toChuteFacts, toCords } from "./chute-repository.js";

/** An instance as the owner of its chute sees it. */
export interface ChuteInstance {
  readonly instanceId: string;
  readonly region: string;
  readonly active: boolean;
  readonly verified: boolean;
  readonly lastVerifiedAt: Date | null;
}

/** A chute with everything that is shown of it, except its cords and its source. */
export interface ChuteView extends ChuteFacts {
  readonly owner: AccountCard;
  readonly image: Image;
  readonly tagline: string;
  readonly readme: string;
  readonly toolDescription: string | null;
  readonly logoId: string | null;
  readonly jobs: readonly unknown[];
  readonly openrouter: boolean;
  readonly lockModules: boolean;
  readonly invocationCount: number;
  /** Set by an operator; null without one. */
  readonly manualBoost: number | null;
  /** Equal for chutes whose cords are equal, names of models aside. */
  readonly cordsKey: string;
  readonly instances: readonly ChuteInstance[];
}

/** Views in the order of the ids; chutes that are gone are left out. Two statements, however many ids. */
export async function chuteViews(db: Db, chuteIds: readonly string[]): Promise<ChuteView[]> {
  if (chuteIds.length === 0) return [];
  const [rows, instances] = await Promise.all([
    selectViews(db).where(sql<boolean>`c.chute_id = any(${chuteIds})`).execute(),
    instancesOf(db, chuteIds),
  ]);
  const views = new Map(rows.map((row) => [row.chute_id, toView(row, instances.get(row.chute_id) ?? [])]));
  return chuteIds.map((chuteId) => views.get(chuteId)).filter((view) => view !== undefined);
}

/** The cords of chutes, by chute id. Ask for one chute of each `cordsKey`. */
export async function cordsOf(db: Db, chuteIds: readonly string[]): Promise<Map<string, readonly Cord[]>> {
  if (chuteIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("chutes")
    .select(["chute_id", "cords"])
    .where(sql<boolean>`chute_id = any(${chuteIds})`)
    .execute();
  return new Map(rows.map((row) => [row.chute_id, toCords(row.cords)]));
}

/** Most instances of one request that are shown. */
const INSTANCE_LIMIT = 100_000;

/** Instances of chutes, active or not, oldest first. */
async function instancesOf(db: Db, chuteIds: readonly string[]): Promise<Map<string, ChuteInstance[]>> {
  // One row per chute: tens of thousands of small rows cost more to take apart than a few thousand texts of JSON.
  const { rows } = await sql<{ chuteId: string; instances: InstanceTuple[] }>`
    select chute_id as "chuteId", json_agg(json_build_array(instance_id, region, active, verified,
      extract(epoch from last_verified_at) * 1000) order by created_at, instance_id) as instances
    from (select chute_id, instance_id, region, active, verified, last_verified_at, created_at from instances where chute_id = any(${chuteIds}) limit ${INSTANCE_LIMIT}) i group by chute_id`.execute(
    db,
  );
  return new Map(rows.map(({ chuteId, instances }) => [chuteId, instances.map(toInstance)]));
}

type InstanceTuple = readonly [
  instanceId: string,
  region: string,
  active: boolean,
  verified: boolean,
  lastVerifiedAtMs: number | null,
];

function toInstance([instanceId, region, active, verified, lastVerifiedAtMs]: InstanceTuple): ChuteInstance {
  const lastVerifiedAt = lastVerifiedAtMs === null ? null : new Date(lastVerifiedAtMs);
  return { instanceId, region, active, verified, lastVerifiedAt };
}

/** An instance with its hardware. */
export interface EquippedInstance {
  readonly instanceId: string;
  readonly active: boolean;
  readonly verified: boolean;
  readonly gpuCount: number;
  /** Short key of its GPUs, e.g. `h100_sxm`; null before they are known. */
  readonly gpuModelName: string | null;
}

/** Instances of one chute, active or not, oldest first. */
export async function equippedInstances(db: Db, chuteId: string): Promise<EquippedInstance[]> {
  const { rows } = await sql<EquippedInstance>`
    select i.instance_id as "instanceId", i.active, i.verified, count(n.uuid)::integer as "gpuCount",
      min(n.gpu_identifier) as "gpuModelName"
    from instances i left join instance_nodes b using (instance_id) left join nodes n on n.uuid = b.node_id
    where i.chute_id = ${chuteId} group by i.instance_id order by i.created_at, i.instance_id limit ${INSTANCE_LIMIT}`.execute(
    db,
  );
  return rows;
}

/** Source text of a chute. */
export async function sourceOf(db: Db, chuteId: string): Promise<string | undefined> {
  const row = await db.selectFrom("chutes").select("code").where("chute_id", "=", chuteId).executeTakeFirst();
  return row?.code;
}

/** A chute as looking for its model needs it. */
export interface ChuteSource {
  readonly name: string;
  readonly code: string;
  readonly standardTemplate: StandardTemplate | null;
  readonly revision: string | null;
}

/** Source of a chute with what says which model it serves. */
export async function chuteSource(db: Db, chuteId: string): Promise<ChuteSource | undefined> {
  const row = await db
    .selectFrom("chutes")
    .select(["name", "code", "standard_template as standardTemplate", "revision"])
    .where("chute_id", "=", chuteId)
    .executeTakeFirst();
  return row && { ...row, standardTemplate: row.standardTemplate as StandardTemplate | null };
}

const VIEW_COLUMNS = [
  "c.tagline",
  "c.readme",
  "c.tool_description",
  "c.logo_id",
  "c.jobs",
  "c.openrouter",
  "c.lock_modules",
  "c.invocation_count",
  "m.boost as manual_boost",
  "u.logo_id as owner_logo_id",
  "u.created_at as owner_created_at",
  "i.name as image_name",
  "i.tag as image_tag",
  "i.readme as image_readme",
  "i.logo_id as image_logo_id",
  "i.public as image_public",
  "i.status as image_status",
  "i.patch_version as image_patch_version",
  "i.chutes_version as image_chutes_version",
  "i.created_at as image_created_at",
  "i.build_started_at as image_build_started_at",
  "i.build_completed_at as image_build_completed_at",
  "iu.username as image_username",
  "iu.logo_id as image_user_logo_id",
  "iu.created_at as image_user_created_at",
] as const;

/** Language models differ only in the default of their model's name, and are many: the database tells which are alike. */
const CORDS_KEY = sql<string>`case when c.standard_template = 'vllm'
  then 'vllm:' || md5(replace(c.cords::text, '"default":' || to_json(c.name)::text, '"default":""'))
  else md5(c.cords::text) end`.as("cords_key");

function selectViews(db: Db) {
  return selectChuteFacts(db)
    .innerJoin("users as iu", "iu.user_id", "i.user_id")
    .leftJoin("chute_manual_boosts as m", "m.chute_id", "c.chute_id")
    .select([...VIEW_COLUMNS, CORDS_KEY]);
}

type ViewRow = ChuteFactsRow & Awaited<ReturnType<ReturnType<typeof selectViews>["executeTakeFirstOrThrow"]>>;

function toView(row: ViewRow, instances: readonly ChuteInstance[]): ChuteView {
  return {
    ...toChuteFacts(row),
    owner: {
      userId: row.user_id,
      username: row.owner_username,
      logoId: row.owner_logo_id,
      createdAt: row.owner_created_at,
    },
    image: toImage(row),
    tagline: row.tagline,
    readme: row.readme,
    toolDescription: row.tool_description,
    logoId: row.logo_id,
    jobs: (row.jobs as readonly unknown[] | null) ?? [],
    openrouter: row.openrouter,
    lockModules: row.lock_modules ?? false,
    invocationCount: row.invocation_count,
    manualBoost: row.manual_boost,
    cordsKey: row.cords_key,
    instances,
  };
}

function toImage(row: ViewRow): Image {
  return {
    imageId: row.image_id,
    owner: {
      userId: row.image_user_id,
      username: row.image_username,
      logoId: row.image_user_logo_id,
      createdAt: row.image_user_created_at,
    },
    name: row.image_name,
    tag: row.image_tag,
    readme: row.image_readme,
    logoId: row.image_logo_id,
    public: row.image_public,
    status: row.image_status,
    patchVersion: row.image_patch_version,
    chutesVersion: row.image_chutes_version,
    createdAt: row.image_created_at,
    buildStartedAt: row.image_build_started_at,
    buildCompletedAt: row.image_build_completed_at,
  };
}

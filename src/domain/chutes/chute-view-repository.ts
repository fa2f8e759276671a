import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { AccountCard } from "../accounts/account.js";
import type { Image } from "../images/image.js";
import type { Chute } from "./chute.js";
import { type ChuteRow, selectChutes, toChute } from "./chute-repository.js";

/** An instance as the owner of its chute sees it. */
export interface ChuteInstance {
  readonly instanceId: string;
  readonly region: string;
  readonly active: boolean;
  readonly verified: boolean;
  readonly lastVerifiedAt: Date | null;
  readonly gpuCount: number;
  /** Short key of its GPUs, e.g. `h100_sxm`; null before they are known. */
  readonly gpuModelName: string | null;
}

/** A chute with everything that is shown of it, except its source. */
export interface ChuteView extends Chute {
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
  readonly instances: readonly ChuteInstance[];
}

/** The view of one chute. */
export async function chuteView(db: Db, chuteId: string): Promise<ChuteView | undefined> {
  const [view] = await chuteViews(db, [chuteId]);
  return view;
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

/** Most instances of one request that are shown. */
const INSTANCE_LIMIT = 20_000;

/** Instances of chutes, active or not, oldest first. */
export async function instancesOf(db: Db, chuteIds: readonly string[]): Promise<Map<string, ChuteInstance[]>> {
  const { rows } = await sql<ChuteInstance & { readonly chuteId: string }>`
    select i.chute_id as "chuteId", i.instance_id as "instanceId", i.region, i.active, i.verified,
      i.last_verified_at as "lastVerifiedAt", count(n.uuid)::integer as "gpuCount", min(n.gpu_identifier) as "gpuModelName"
    from instances i left join instance_nodes b using (instance_id) left join nodes n on n.uuid = b.node_id
    where i.chute_id = any(${chuteIds}) group by i.instance_id order by i.created_at limit ${INSTANCE_LIMIT}`.execute(
    db,
  );
  const byChute = new Map<string, ChuteInstance[]>();
  for (const { chuteId, ...instance } of rows) {
    const siblings = byChute.get(chuteId);
    if (siblings === undefined) byChute.set(chuteId, [instance]);
    else siblings.push(instance);
  }
  return byChute;
}

/** Source text of a chute. */
export async function sourceOf(db: Db, chuteId: string): Promise<string | undefined> {
  const row = await db.selectFrom("chutes").select("code").where("chute_id", "=", chuteId).executeTakeFirst();
  return row?.code;
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

function selectViews(db: Db) {
  return selectChutes(db).innerJoin("users as iu", "iu.user_id", "i.user_id").select(VIEW_COLUMNS);
}

type ViewRow = ChuteRow & Awaited<ReturnType<ReturnType<typeof selectViews>["executeTakeFirstOrThrow"]>>;

function toView(row: ViewRow, instances: readonly ChuteInstance[]): ChuteView {
  return {
    ...toChute(row),
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

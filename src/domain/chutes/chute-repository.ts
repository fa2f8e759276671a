import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { CORD_KEYS, type Cord } from "../../wire/cords.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import type { Chute, StandardTemplate } from "./chute.js";

/** The chute with that id. */
export async function chuteById(db: Db, chuteId: string): Promise<Chute | undefined> {
  const row = await selectChutes(db).where("c.chute_id", "=", chuteId).executeTakeFirst();
  return row && toChute(row);
}

/** Id of the chute that answers on `<slug>.<base domain>`. */
export async function chuteIdBySlug(db: Db, slug: string): Promise<string | undefined> {
  const row = await db.selectFrom("chutes").select("chute_id").where("slug", "=", slug).executeTakeFirst();
  return row?.chute_id;
}

/**
 * Ids of the chutes of that name (any case) of all owners: public ones first, then the busiest. Undefined when there are
 * none. Names are compared, never matched as patterns.
 */
export async function chuteIdsNamed(db: Db, name: string, limit: number): Promise<string[] | undefined> {
  const rows = await db
    .selectFrom("chutes")
    .select("chute_id")
    .where(sql`lower(name)`, "=", name.toLowerCase())
    .orderBy("public", "desc")
    .orderBy("invocation_count", "desc")
    .orderBy("chute_id")
    .limit(limit)
    .execute();
  return rows.length === 0 ? undefined : rows.map((row) => row.chute_id);
}

/** Id of one owner's chute of that name (any case). */
export async function chuteIdOf(
  db: Db,
  chute: { readonly userId: string; readonly name: string },
): Promise<string | undefined> {
  const row = await db
    .selectFrom("chutes")
    .select("chute_id")
    .where("user_id", "=", chute.userId)
    .where(sql`lower(name)`, "=", chute.name.toLowerCase())
    .executeTakeFirst();
  return row?.chute_id;
}

/** Whether the owner lets that user see and call the chute. @see protocol 01 §14 */
export async function isSharedWith(
  db: Db,
  share: { readonly chuteId: string; readonly userId: string },
): Promise<boolean> {
  const row = await db
    .selectFrom("chute_shares")
    .select("chute_id")
    .where("chute_id", "=", share.chuteId)
    .where("shared_to", "=", share.userId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const CHUTE_COLUMNS = [
  "c.chute_id",
  "c.user_id",
  "u.username as owner_username",
  "c.name",
  "c.public",
  "c.standard_template",
  "c.node_selector",
  "c.slug",
  "c.version",
  "c.concurrency",
  "c.chutes_version",
  "c.image_id",
  "i.user_id as image_user_id",
  "c.revision",
  "c.discount",
  "c.boost",
  "c.disabled",
  "c.tee",
  "c.max_instances",
  "c.scaling_threshold",
  "c.shutdown_after_seconds",
  "c.allow_external_egress",
  "c.created_at",
  "c.updated_at",
] as const;

/** Chutes without their cords, with their owner `u` and image `i`, for other queries over them. */
export function selectChuteFacts(db: Db) {
  return db
    .selectFrom("chutes as c")
    .innerJoin("users as u", "u.user_id", "c.user_id")
    .innerJoin("images as i", "i.image_id", "c.image_id")
    .select(CHUTE_COLUMNS);
}

function selectChutes(db: Db) {
  return selectChuteFacts(db).select("c.cords");
}

/** What `selectChuteFacts` yields. */
export type ChuteFactsRow = Awaited<ReturnType<ReturnType<typeof selectChuteFacts>["executeTakeFirstOrThrow"]>>;

type ChuteRow = Awaited<ReturnType<ReturnType<typeof selectChutes>["executeTakeFirstOrThrow"]>>;

function toChute(row: ChuteRow): Chute {
  return { ...toChuteFacts(row), cords: toCords(row.cords) };
}

/** Stored cords, in the order of the wire. */
export function toCords(stored: unknown): readonly Cord[] {
  return (stored as readonly Cord[]).map(inWireOrder);
}

/** A chute without its cords: they can be as large as all the rest a thousand times. */
export type ChuteFacts = Omit<Chute, "cords">;

/** The domain form of a row. */
export function toChuteFacts(row: ChuteFactsRow): ChuteFacts {
  return {
    chuteId: row.chute_id,
    userId: row.user_id,
    ownerUsername: row.owner_username,
    name: row.name,
    public: row.public,
    standardTemplate: row.standard_template as StandardTemplate | null,
    nodeSelector: row.node_selector as NodeSelector,
    slug: row.slug,
    version: row.version,
    concurrency: row.concurrency,
    chutesVersion: row.chutes_version,
    imageId: row.image_id,
    imageUserId: row.image_user_id,
    revision: row.revision,
    discount: row.discount,
    boost: row.boost,
    disabled: row.disabled,
    tee: row.tee,
    maxInstances: row.max_instances,
    scalingThreshold: row.scaling_threshold,
    shutdownAfterSeconds: row.shutdown_after_seconds,
    allowExternalEgress: row.allow_external_egress,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The database keeps the members of an object in an order of its own; clients are shown, and hash, ours. */
function inWireOrder(cord: Cord): Cord {
  return Object.fromEntries(CORD_KEYS.map((key) => [key, cord[key]])) as unknown as Cord;
}

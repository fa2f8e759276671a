import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** Which chutes to list, and for whom. Empty texts mean all. @see protocol 03 §9.1, §9.3 */
export interface ChuteFilter {
  /** Null: anonymous. */
  readonly userId: string | null;
  readonly includePublic: boolean;
  readonly includeShared: boolean;
  /** A template, or `other` for none. */
  readonly template: string;
  /** Case-insensitive substrings in, or not in, the name. */
  readonly name: string;
  readonly exclude: string;
  /** Case-insensitive substring of the image's name or tag. */
  readonly image: string;
  /** Exact, any case. */
  readonly slug: string;
  readonly offset: number;
  readonly limit: number;
}

/** Ids of one page of chutes, the busiest first, and how many match. Two statements. */
export async function listChuteIds(db: Db, filter: ChuteFilter): Promise<{ total: number; chuteIds: string[] }> {
  const matching = sql`from chutes c join images i using (image_id)
    where ${sql.join([visibleTo(filter), ...conditions(filter)], sql` and `)}`;
  const [page, counted] = await Promise.all([
    sql<{ chute_id: string }>`select c.chute_id ${matching}
      order by c.invocation_count desc, c.chute_id limit ${filter.limit} offset ${filter.offset}`.execute(db),
    sql<{ total: bigint }>`select count(*) as total ${matching}`.execute(db),
  ]);
  return { total: Number(counted.rows[0]?.total ?? 0n), chuteIds: page.rows.map((row) => row.chute_id) };
}

/** The last known number of GPUs per instance of every chute that ever existed. @see protocol 03 §9.7 */
export async function gpuCountHistory(db: Db, limit: number): Promise<{ chuteId: string; gpuCount: number }[]> {
  const { rows } = await sql<{ chuteId: string; gpuCount: number }>`
    select distinct on (chute_id) chute_id as "chuteId", (node_selector->>'gpu_count')::integer as "gpuCount"
    from chute_history where jsonb_typeof(node_selector->'gpu_count') = 'number'
    order by chute_id, updated_at desc, created_at desc limit ${limit}`.execute(db);
  return rows;
}

/** An update whose instances are being replaced one by one. */
export interface RollingUpdate {
  readonly chuteId: string;
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly startedAt: Date;
  /** Hotkey → instances that it may still start. */
  readonly permitted: unknown;
}

/** Updates in progress, oldest first. @see protocol 03 §9.6 */
export async function listRollingUpdates(db: Db, limit: number): Promise<RollingUpdate[]> {
  return db
    .selectFrom("rolling_updates")
    .select([
      "chute_id as chuteId",
      "old_version as oldVersion",
      "new_version as newVersion",
      "started_at as startedAt",
      "permitted",
    ])
    .orderBy("started_at")
    .limit(limit)
    .execute();
}

/** Whether a chute's instances are being replaced. */
export async function isUpdating(db: Db, chuteId: string): Promise<boolean> {
  const row = await db
    .selectFrom("rolling_updates")
    .select("chute_id")
    .where("chute_id", "=", chuteId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Anonymous callers see what is public; others their own, and more when they ask. */
function visibleTo({ userId, includePublic, includeShared }: ChuteFilter): RawBuilder<unknown> {
  if (userId === null) return sql`c.public`;
  return sql`(c.user_id = ${userId} or (${includePublic} and c.public) or (${includeShared} and exists (
    select from chute_shares s where s.chute_id = c.chute_id and s.shared_to = ${userId})))`;
}

function conditions(filter: ChuteFilter): RawBuilder<unknown>[] {
  const { template, name, exclude, image, slug } = filter;
  const wanted: RawBuilder<unknown>[] = [];
  if (template === "other") wanted.push(sql`c.standard_template is null`);
  else if (template !== "") wanted.push(sql`c.standard_template = ${template}`);
  if (name !== "") wanted.push(sql`position(${name.toLowerCase()} in lower(c.name)) > 0`);
  if (exclude !== "") wanted.push(sql`position(${exclude.toLowerCase()} in lower(c.name)) = 0`);
  if (image !== "")
    wanted.push(
      sql`(position(${image.toLowerCase()} in lower(i.name)) > 0 or position(${image.toLowerCase()} in lower(i.tag)) > 0)`,
    );
  if (slug !== "") wanted.push(sql`c.slug = ${slug.toLowerCase()}`);
  return wanted;
}

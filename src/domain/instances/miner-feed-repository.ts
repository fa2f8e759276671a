import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** Where a page begins: after the row with that key, which pages never skip or repeat. */
export interface Page {
  readonly after: string;
  readonly limit: number;
}

/** All columns of chutes with what names their images, by chute id. @see protocol 05 §4.1 */
export function minerChutes(db: Db, { after, limit }: Page) {
  return selectMinerChutes(db).where("c.chute_id", ">", after).orderBy("c.chute_id").limit(limit).execute();
}

/** One chute, if that version is the current one. */
export function minerChute(db: Db, chuteId: string, version: string) {
  return selectMinerChutes(db).where("c.chute_id", "=", chuteId).where("c.version", "=", version).executeTakeFirst();
}

export type MinerChuteRow = Awaited<ReturnType<typeof minerChutes>>[number];

function selectMinerChutes(db: Db) {
  return db
    .selectFrom("chutes as c")
    .innerJoin("users as u", "u.user_id", "c.user_id")
    .innerJoin("images as i", "i.image_id", "c.image_id")
    .innerJoin("users as o", "o.user_id", "i.user_id")
    .leftJoin("chute_manual_boosts as m", "m.chute_id", "c.chute_id")
    .selectAll("c")
    .select([
      "u.username as owner_username",
      "o.username as image_owner",
      "i.name as image_name",
      "i.tag as image_tag",
      "i.patch_version as image_patch",
      "i.chutes_version as image_chutes_version",
      "m.boost as manual_boost",
    ]);
}

/** All images with their owners' names, by image id. @see protocol 05 §4 */
export function minerImages(db: Db, { after, limit }: Page) {
  return db
    .selectFrom("images as i")
    .innerJoin("users as u", "u.user_id", "i.user_id")
    .selectAll("i")
    .select("u.username")
    .where("i.image_id", ">", after)
    .orderBy("i.image_id")
    .limit(limit)
    .execute();
}

/** GPUs of one miner, by uuid. @see protocol 05 §4 */
export function minerNodes(db: Db, minerHotkey: string, { after, limit }: Page) {
  return db
    .selectFrom("nodes")
    .selectAll()
    .where("miner_hotkey", "=", minerHotkey)
    .where("uuid", ">", after)
    .orderBy("uuid")
    .limit(limit)
    .execute();
}

/** Instances of one miner without anything secret, by instance id. @see protocol 05 §4.2 */
export function minerInstances(db: Db, minerHotkey: string, { after, limit }: Page) {
  return db
    .selectFrom("instances")
    .select([
      "instance_id",
      "chute_id",
      "version",
      "miner_uid",
      "miner_hotkey",
      "miner_coldkey",
      "region",
      "active",
      "verified",
      "created_at",
      "updated_at",
      "activated_at",
      "last_verified_at",
      "stop_billing_at",
      "billed_to",
      "verification_error",
      "chutes_version",
      "config_id",
      "hourly_rate",
      "compute_multiplier",
    ])
    .where("miner_hotkey", "=", minerHotkey)
    .where("instance_id", ">", after)
    .orderBy("instance_id")
    .limit(limit)
    .execute();
}

/** Instances of all miners that serve, by instance id. @see protocol 05 §4.4 */
export function servingInstances(db: Db, limit: number) {
  return db
    .selectFrom("instances")
    .select(["instance_id", "miner_hotkey", "chute_id", "activated_at", "compute_multiplier"])
    .where("active", "=", true)
    .where("verified", "=", true)
    .orderBy("instance_id")
    .limit(limit)
    .execute();
}

/** Use of one chute within a window. */
export interface ChuteUse {
  readonly chute_id: string;
  readonly compute_multiplier: number;
  readonly total_invocations: number;
  /** Seconds. */
  readonly total_compute_time: number;
  readonly error_count: number;
  readonly rate_limit_count: number;
  readonly instance_count: number;
}

/** Use of every chute that was called since a moment, by chute id. @see protocol 05 §4.3 */
export async function chuteUse(db: Db, since: Date): Promise<ChuteUse[]> {
  const { rows } = await sql<ChuteUse>`
    select u.*, (select count(*)::integer from instances i where i.chute_id = u.chute_id and i.active and i.verified) as instance_count
    from (
      select chute_id, avg(compute_multiplier) as compute_multiplier, count(*)::integer as total_invocations,
        coalesce(sum(extract(epoch from completed_at - started_at)) filter (where error_message is null), 0)::double precision
          as total_compute_time,
        count(*) filter (where error_message is not null and error_message <> 'RATE_LIMIT')::integer as error_count,
        count(*) filter (where error_message = 'RATE_LIMIT')::integer as rate_limit_count
      from partitioned_invocations where started_at >= ${since} group by chute_id
    ) u order by u.chute_id`.execute(db);
  return rows;
}

/** Work of one miner (on one chute) within a window. */
export interface MinerWork {
  readonly miner_hotkey: string;
  readonly chute_id: string;
  readonly invocation_count: number;
  readonly compute_units: number;
  readonly total_bounty: number;
}

/** Successful work of every miner since a moment, by miner and chute. @see protocol 05 §4.4, 04 §9.4 */
export async function minerWork(db: Db, since: Date): Promise<MinerWork[]> {
  const { rows } = await sql<MinerWork>`
    select miner_hotkey, chute_id, count(*)::integer as invocation_count, sum(bounty)::integer as total_bounty,
      sum(bounty + compute_multiplier * case
        when (metrics->>'p')::boolean then 0
        when (metrics->>'nc')::double precision > 0 then (metrics->>'nc')::double precision
        when (metrics->>'steps')::double precision > 0 and (metrics->>'masps')::double precision > 0
          then (metrics->>'steps')::double precision * (metrics->>'masps')::double precision
        when (metrics->>'it')::double precision > 0 and (metrics->>'ot')::double precision > 0
          and (metrics->>'maspt')::double precision > 0
          then ((metrics->>'it')::double precision + (metrics->>'ot')::double precision) * (metrics->>'maspt')::double precision
        else extract(epoch from completed_at - started_at)::double precision end) as compute_units
    from partitioned_invocations
    where started_at >= ${since} and error_message is null and completed_at is not null and miner_uid >= 0
    group by miner_hotkey, chute_id order by miner_hotkey, chute_id`.execute(db);
  return rows;
}

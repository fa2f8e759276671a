import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { pauseSeconds, type RollingUpdatePace } from "./rolling-update.js";

/** The instances of a chute that are to be replaced, one after the other. */
export interface RollingUpdateStart {
  readonly chuteId: string;
  readonly oldVersion: string;
  readonly newVersion: string;
  /** Sentence for the miners. */
  readonly reason: string;
  /** Full name of the image when it is what changed. */
  readonly image: string | null;
  readonly pace: RollingUpdatePace;
  readonly now: Date;
}

/**
 * Records the replacement of a chute's instances, in place of one that goes on. Those that run the new version already stay,
 * unless the version is the same: then all are replaced. The caller has locked the chute.
 * @returns how many will be replaced; with none there is nothing to record
 * @see protocol 03 §13
 */
export async function startRollingUpdate(tx: Db, update: RollingUpdateStart): Promise<number> {
  const { chuteId, oldVersion, newVersion, now } = update;
  await stopRollingUpdate(tx, chuteId);
  const outdated = sql`chute_id = ${chuteId} and (version <> ${newVersion} or ${oldVersion === newVersion})`;
  const { rows } = await sql<{ hotkey: string; instances: number }>`
    select miner_hotkey as hotkey, count(*)::integer as instances from instances where ${outdated} group by 1`.execute(
    tx,
  );
  const instances = rows.reduce((sum, row) => sum + row.instances, 0);
  if (instances === 0) return 0;
  await tx
    .insertInto("rolling_updates")
    .values({
      chute_id: chuteId,
      old_version: oldVersion,
      new_version: newVersion,
      permitted: JSON.stringify(Object.fromEntries(rows.map((row) => [row.hotkey, row.instances]))),
      started_at: now,
      reason: update.reason,
      image: update.image,
      pause_seconds: pauseSeconds(instances, update.pace),
    })
    .execute();
  await sql`
    insert into rolling_update_steps (chute_id, position, instance_id, miner_hotkey)
    select chute_id, row_number() over (order by created_at, instance_id), instance_id, miner_hotkey
    from instances where ${outdated}`.execute(tx);
  return instances;
}

/** Forgets a rolling update with what is left of it. */
export async function stopRollingUpdate(tx: Db, chuteId: string): Promise<void> {
  await tx.deleteFrom("rolling_updates").where("chute_id", "=", chuteId).execute();
}

/** When the next thing of a rolling update is to be done. */
export interface UpdateAppointment {
  readonly chuteId: string;
  readonly dueAt: Date;
}

/** Longest life of a rolling update that nobody brings to its end, in hours. @see protocol 03 §13 */
const LIFE_HOURS = 2;

/** Rolling updates in the order in which they need attention. */
export async function updateAppointments(db: Db, limit: number): Promise<UpdateAppointment[]> {
  const { rows } = await sql<UpdateAppointment>`
    select u.chute_id as "chuteId", ${dueAt} as "dueAt" from rolling_updates u order by 2 limit ${limit}`.execute(db);
  return rows;
}

/** A pause after the last announcement; the first one has none before it. */
const dueAt = sql`coalesce(
  (select max(s.announced_at) from rolling_update_steps s where s.chute_id = u.chute_id) + make_interval(secs => u.pause_seconds),
  u.started_at)`;

/** A rolling update that needs attention now. */
export interface DueUpdate {
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly reason: string;
  readonly image: string | null;
  /** It has lasted for so long that something must have gone wrong. */
  readonly isOverdue: boolean;
}

/** The rolling update of a chute if it is due. The caller has locked the chute, so nobody else finds it, too. */
export async function dueUpdate(tx: Db, chuteId: string, now: Date): Promise<DueUpdate | undefined> {
  const { rows } = await sql<DueUpdate>`
    select u.old_version as "oldVersion", u.new_version as "newVersion", u.reason, u.image,
      u.started_at + greatest(make_interval(hours => ${LIFE_HOURS}), 2 * u.pause_seconds * interval '1 second' *
        (select count(*) from rolling_update_steps s where s.chute_id = u.chute_id)) < ${now}::timestamptz as "isOverdue"
    from rolling_updates u where u.chute_id = ${chuteId} and ${dueAt} <= ${now}::timestamptz`.execute(tx);
  return rows[0];
}

/** An instance whose miner is told to replace it. */
export interface UpdateStep {
  readonly instanceId: string;
  readonly minerHotkey: string;
}

/** Takes the next instance that still exists, for ever: it is announced in the same transaction. */
export async function takeStep(tx: Db, chuteId: string, now: Date): Promise<UpdateStep | undefined> {
  const { rows } = await sql<UpdateStep>`
    update rolling_update_steps set announced_at = ${now} where chute_id = ${chuteId} and position = (
      select min(s.position) from rolling_update_steps s join instances i using (instance_id)
      where s.chute_id = ${chuteId} and s.announced_at is null)
    returning instance_id as "instanceId", miner_hotkey as "minerHotkey"`.execute(tx);
  return rows[0];
}

/** Ids of the instances of a chute that run another version. */
export async function outdatedInstanceIds(tx: Db, chuteId: string, version: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("instances")
    .select("instance_id")
    .where("chute_id", "=", chuteId)
    .where("version", "<>", version)
    .execute();
  return rows.map((row) => row.instance_id);
}

import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { DB } from "../../infra/postgres/schema.js";
import type { InstanceTarget, InstanceTransport } from "../../wire/instance-transport.js";
import { deleteInstancesIn } from "./instance-deletion-repository.js";

/** Instances of a chute that may be called: active and verified, at most a thousand. @see protocol 04 §5.1 */
export async function targetsOf(db: Db, chuteId: string): Promise<InstanceTarget[]> {
  const rows = await db
    .selectFrom("instances")
    .select([
      "instance_id as instanceId",
      "chute_id as chuteId",
      "miner_uid as minerUid",
      "miner_hotkey as minerHotkey",
      "miner_coldkey as minerColdkey",
      "host",
      "port",
      "chutes_version as chutesVersion",
      "config_id as configId",
      "symmetric_key as symmetricKeyHex",
      "transport",
      "compute_multiplier as computeMultiplier",
      "billed_to as billedTo",
      "bounty",
      "created_at as createdAt",
      "activated_at as activatedAt",
    ])
    .where("chute_id", "=", chuteId)
    .where("active", "=", true)
    .where("verified", "=", true)
    .orderBy("instance_id")
    .limit(MAX_TARGETS)
    .execute();
  return rows.map((row) => ({ ...row, transport: row.transport as InstanceTransport }));
}

const MAX_TARGETS = 1000;

export interface InstanceDeletion {
  readonly instanceId: string;
  /** Sentence for the audit; scoring compares some of them literally. @see protocol 05 §6.7 */
  readonly reason: string;
  readonly now: Date;
  /** The miner keeps what it earned; left out, scoring judges by the reason. */
  readonly validTermination?: boolean;
  /** Only an instance of this miner and chute. */
  readonly ownedBy?: { readonly minerHotkey: string; readonly chuteId: string };
}

/**
 * Deletes one instance with its audit entry and events, in one transaction.
 * @returns false when there is no such instance (any more)
 * @see protocol 10 §2.1
 */
export function deleteInstance(db: Db, deletion: InstanceDeletion): Promise<boolean> {
  const { instanceId, ownedBy, ...rest } = deletion;
  return db.transaction().execute(async (tx) => {
    if (ownedBy !== undefined && !(await isOwned(tx, instanceId, ownedBy))) return false;
    return (await deleteInstancesIn(tx, { ...rest, instanceIds: [instanceId] })).length > 0;
  });
}

async function isOwned(tx: Db, instanceId: string, by: { minerHotkey: string; chuteId: string }): Promise<boolean> {
  const row = await tx
    .selectFrom("instances")
    .select("instance_id")
    .where("instance_id", "=", instanceId)
    .where("miner_hotkey", "=", by.minerHotkey)
    .where("chute_id", "=", by.chuteId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Compared literally by scoring: the miner keeps what it earned. @see protocol 05 §6.7 */
const IDLE_PRIVATE_REASON = "user-defined/private chute instance has not been used since shutdown_after_seconds";

/**
 * Ends private instances that nobody used for as long as their owner allowed. A call that arrives meanwhile waits for the row and
 * finds it gone, or moves its end and saves it.
 * @returns how many were deleted, at most `limit`
 * @see protocol 04 §10.8
 */
export function expireIdlePrivateInstances(db: Db, now: Date, limit: number): Promise<number> {
  const sweep = { now, limit, reason: IDLE_PRIVATE_REASON, validTermination: true };
  return sweepInstances(db, sweep, (eb) => eb("stop_billing_at", "<=", now));
}

export interface StuckLaunches {
  readonly now: Date;
  /** Seconds from creation to activation that a container may take. */
  readonly maxStartupSeconds: number;
  readonly limit: number;
}

/** Frees the GPUs of instances that never came up. @returns how many were deleted @see protocol 05 §17.12 */
export function expireStuckLaunches(db: Db, { now, maxStartupSeconds, limit }: StuckLaunches): Promise<number> {
  const oldest = new Date(now.getTime() - maxStartupSeconds * 1000);
  const sweep = { now, limit, reason: "instance was not activated in time" };
  return sweepInstances(db, sweep, (eb) => eb.and([eb("activated_at", "is", null), eb("created_at", "<=", oldest)]));
}

interface Sweep {
  readonly now: Date;
  readonly limit: number;
  readonly reason: string;
  readonly validTermination?: boolean;
}

type InstanceCondition = (eb: ExpressionBuilder<DB, "instances">) => ExpressionWrapper<DB, "instances", SqlBool>;

function sweepInstances(db: Db, sweep: Sweep, condition: InstanceCondition): Promise<number> {
  const { limit, ...deletion } = sweep;
  return db.transaction().execute(async (tx) => {
    const rows = await tx
      .selectFrom("instances")
      .select("instance_id")
      .where(condition)
      .orderBy("instance_id")
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    const instanceIds = rows.map(({ instance_id }) => instance_id);
    return (await deleteInstancesIn(tx, { ...deletion, instanceIds })).length;
  });
}

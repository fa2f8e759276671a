import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { DB } from "../../infra/postgres/schema.js";
import { deleteInstancesIn } from "./instance-deletion-repository.js";

/** Compared literally by scoring: the miner keeps what it earned. @see protocol 05 §6.7 */
export const IDLE_PRIVATE_REASON = "user-defined/private chute instance has not been used since shutdown_after_seconds";

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

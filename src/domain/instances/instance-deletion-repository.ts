import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type InstanceEvent, instanceDeleted } from "../../wire/events.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { announce, instanceEventColumns } from "./event-repository.js";

export interface Deletion {
  readonly instanceIds: readonly string[];
  /** Sentence for the audit; scoring compares some of them literally. @see protocol 05 §6.7 */
  readonly reason: string;
  readonly now: Date;
  /** The miner keeps what it earned; null leaves that to the reason. */
  readonly validTermination?: boolean;
}

/**
 * Deletes instances in the caller's transaction: rows, GPU bindings, audit, events on both channels, cache invalidation.
 * The rows are locked first, so of concurrent deleters exactly one sees each instance.
 * @returns the instances that were there
 * @see protocol 10 §2.1
 */
export async function deleteInstancesIn(tx: Db, deletion: Deletion): Promise<readonly InstanceEvent[]> {
  if (deletion.instanceIds.length === 0) return [];
  const doomed = await lockInstances(tx, deletion.instanceIds);
  if (doomed.length === 0) return [];
  const ids = doomed.map(({ instanceId }) => instanceId);
  // Before the delete: its trigger keeps a time that is already set.
  await tx
    .updateTable("instance_audit")
    .set({
      deleted_at: deletion.now,
      deletion_reason: deletion.reason,
      valid_termination: deletion.validTermination ?? null,
    })
    .where("instance_id", "in", ids)
    .execute();
  await tx.deleteFrom("instances").where("instance_id", "in", ids).execute();
  await announce(tx, doomed.flatMap(instanceDeleted), deletion.now);
  const chutes = new Set(doomed.map(({ chuteId }) => chuteId));
  await invalidate(
    tx,
    [...chutes].map((id) => ({ kind: "instances", id })),
    deletion.now,
  );
  return doomed;
}

/** Locks instances in a fixed order. @returns those that exist, as events describe them */
async function lockInstances(tx: Db, ids: readonly string[]): Promise<InstanceEvent[]> {
  const { rows } = await sql<InstanceEvent>`
    select ${instanceEventColumns} from instances i where i.instance_id = any(${ids}) order by i.instance_id for update of i`.execute(
    tx,
  );
  return rows;
}

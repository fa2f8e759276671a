import type { Db } from "../../infra/postgres/client.js";
import { rollingUpdate } from "../../wire/events.js";
import { enqueue } from "../outbox/outbox-repository.js";
import { lockChuteRow } from "./deploy-repository.js";
import { OLD_VERSION_REASON } from "./rolling-update.js";
import { dueUpdate, outdatedInstanceIds, stopRollingUpdate, takeStep } from "./rolling-update-repository.js";

/** Deletes instances in the transaction, with their audit and events. */
export type DeleteInstances = (tx: Db, instanceIds: readonly string[], reason: string) => Promise<unknown>;

/** What a call did for a rolling update. */
export type UpdateProgress = "announced" | "ended" | "waits";

/**
 * Does the next thing of a chute's rolling update if it is due, in the caller's transaction: tells one miner to replace its
 * instance, or, when all were told, ends what still runs another version. Step and message are committed together, so whoever
 * continues after a crash repeats neither.
 * @see protocol 03 §13
 */
export async function advanceRollingUpdate(
  tx: Db,
  chuteId: string,
  { now, deleteInstances }: { readonly now: Date; readonly deleteInstances: DeleteInstances },
): Promise<UpdateProgress> {
  if (!(await lockChuteRow(tx, chuteId))) return "waits";
  const update = await dueUpdate(tx, chuteId, now);
  if (update === undefined) return "waits";
  const step = update.isOverdue ? undefined : await takeStep(tx, chuteId, now);
  if (step !== undefined) {
    const messages = rollingUpdate({ ...update, ...step, chuteId });
    await enqueue(
      tx,
      messages.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
      now,
    );
    return "announced";
  }
  await deleteInstances(tx, await outdatedInstanceIds(tx, chuteId, update.newVersion), OLD_VERSION_REASON);
  await stopRollingUpdate(tx, chuteId);
  return "ended";
}

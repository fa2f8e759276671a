import { updateAppointments } from "../domain/chutes/rolling-update-repository.js";
import { advanceRollingUpdate, type UpdateProgress } from "../domain/chutes/rolling-update-steps.js";
import { deleteInstancesIn } from "../domain/instances/instance-deletion-repository.js";
import type { Db } from "../infra/postgres/client.js";
import { pause } from "../kernel/lifecycle.js";
import type { Job, JobRun } from "./job.js";

/** Updates that are looked at together; the others wait for their turn. */
const BATCH = 200;
const EVERY_SECONDS = 5;
/** A run stays for what is due shortly, so that short pauses are kept, but not for ever. */
const LONGEST_STAY_MS = 45_000;

/** Tells miners one by one to replace instances of an old version. @see protocol 03 §13 */
export function rollingUpdateJob(db: Db): Job {
  return {
    name: "rolling-updates",
    summary: "Replace the instances of updated chutes one by one",
    everySeconds: EVERY_SECONDS,
    timeoutSeconds: 120,
    critical: true,
    run: async (run) => {
      const leaveAt = performance.now() + LONGEST_STAY_MS;
      const counts = { announced: 0, ended: 0 };
      for (;;) {
        const waitMs = await advanceDue(db, run, counts);
        const isSoon = waitMs < EVERY_SECONDS * 1000 && performance.now() + waitMs < leaveAt;
        if (!isSoon || run.signal.aborted) return { items: counts.announced + counts.ended, details: counts };
        await pause(waitMs, run.signal);
      }
    },
  };
}

/** @returns milliseconds until the next thing is due */
async function advanceDue(db: Db, run: JobRun, counts: Record<"announced" | "ended", number>): Promise<number> {
  const appointments = await updateAppointments(db, BATCH);
  const due = appointments.filter(({ dueAt }) => dueAt <= run.now());
  for (const { chuteId } of due) {
    if (run.signal.aborted) break;
    const progress = await advance(db, run, chuteId);
    if (progress !== "waits") counts[progress] += 1;
  }
  const [next] = due.length === 0 ? appointments : await updateAppointments(db, 1);
  return next === undefined ? Number.POSITIVE_INFINITY : Math.max(50, next.dueAt.getTime() - run.now().getTime());
}

function advance(db: Db, run: JobRun, chuteId: string): Promise<UpdateProgress> {
  return db.transaction().execute(async (tx) => {
    await run.guard(tx);
    const now = run.now();
    const deleteInstances = (inside: Db, instanceIds: readonly string[], reason: string) =>
      deleteInstancesIn(inside, { instanceIds, reason, now, validTermination: true });
    return advanceRollingUpdate(tx, chuteId, { now, deleteInstances });
  });
}

import { newestStaleHour, rollUp, trimHours } from "../domain/stats/rollup-repository.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import { AppError } from "../kernel/errors.js";
import type { Job, JobResult, JobRun } from "./job.js";

/** A long backlog is left to the next runs, so that the running hour is looked at in between. */
const WORK_MS = 20_000;
/** More failures than this are not about single hours. */
const MOST_FAILURES = 5;

/** Adds what was settled to the sums that usage and statistics are answered from. @see protocol 04 §12, 10 §6 */
export function rollUpJob({ db, config }: { readonly db: Db; readonly config: Config }): Job {
  return {
    name: "usage-rollup",
    summary: "Add finished calls to the hourly and daily sums",
    everySeconds: config.jobs.usageSeconds,
    timeoutSeconds: 300,
    critical: true,
    run: (run) => rollUpBacklog(db, run),
  };
}

/** Newest hours first, each in a transaction of its own: whatever ends the run, what is committed is complete. */
async function rollUpBacklog(db: Db, run: JobRun): Promise<JobResult> {
  const failures: unknown[] = [];
  const endsAt = performance.now() + WORK_MS;
  let [rows, steps] = [0, 0];
  let hour = await newestStaleHour(db, undefined);
  while (hour !== undefined && performance.now() < endsAt) {
    run.signal.throwIfAborted();
    const done = await step(db, run, hour).catch((error: unknown) => {
      if (isOver(run, error) || failures.length >= MOST_FAILURES) throw error;
      run.log.error({ err: error, hour }, "an hour could not be rolled up");
      failures.push(error);
      return undefined;
    });
    rows += done?.rows ?? 0;
    steps += 1;
    // Each hour once a run: the running one is marked again and again.
    hour = await newestStaleHour(db, done?.start ?? hour);
  }
  await db.transaction().execute(async (tx) => {
    await run.guard(tx);
    await trimHours(tx, run.now());
  });
  if (failures.length > 0) throw failures[0];
  return { items: rows, details: { steps, unfinished: hour !== undefined } };
}

function step(db: Db, run: JobRun, hour: Date) {
  return db
    .transaction()
    .setIsolationLevel("read committed")
    .execute(async (tx) => {
      await run.guard(tx);
      return rollUp(tx, hour, run.now());
    });
}

function isOver({ signal }: JobRun, error: unknown): boolean {
  return signal.aborted || (error instanceof AppError && error.kind === "locked");
}

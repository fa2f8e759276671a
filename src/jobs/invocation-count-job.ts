import { refreshInvocationCounts } from "../domain/stats/invocation-count-repository.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job, JobRun } from "./job.js";

/**
 * Keeps the number by which chutes are sorted. Nothing is announced: what caches chutes by id does not hold it, and orders by
 * name live half a minute.
 * @see protocol 03 §1, 10 §6
 */
export function invocationCountJob({ db, config }: { readonly db: Db; readonly config: Config }): Job {
  return {
    name: "invocation-counts",
    summary: "Count each chute's calls of the past day",
    everySeconds: config.jobs.invocationCountSeconds,
    timeoutSeconds: 60,
    critical: false,
    run: (run) => refresh(db, run),
  };
}

function refresh(db: Db, run: JobRun): Promise<{ items: number }> {
  return db.transaction().execute(async (tx) => {
    await run.guard(tx);
    return { items: (await refreshInvocationCounts(tx, run.now())).length };
  });
}

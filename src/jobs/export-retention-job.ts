import { expiredEntries, removeEntry } from "../domain/audit/expired-entries-repository.js";
import type { ObjectStore } from "../infra/object-store/store.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job, JobResult, JobRun } from "./job.js";

const DAY_MS = 86_400_000;
const MOST_PER_RUN = 1000;

interface RetentionDeps {
  readonly config: Config;
  readonly db: Db;
  readonly store: ObjectStore;
}

/** Deletes exports and reports that are older than the operator keeps them. @see protocol 08 §2.8 */
export function exportRetentionJob(deps: RetentionDeps): Job {
  return {
    name: "export-retention",
    summary: "Delete exports and audit reports past their retention",
    everySeconds: 3600,
    timeoutSeconds: 600,
    critical: false,
    run: (run) => deleteExpired(deps, run),
  };
}

/** The index row goes last: a crash before leaves it, and the next run finishes. */
async function deleteExpired({ config, db, store }: RetentionDeps, run: JobRun): Promise<JobResult> {
  const before = new Date(run.now().getTime() - config.audit.retentionDays * DAY_MS);
  const expired = await expiredEntries(db, { before, limit: MOST_PER_RUN });
  for (const { entryId, keys } of expired) {
    run.signal.throwIfAborted();
    for (const key of keys) await store.delete(key);
    await db.transaction().execute(async (tx) => {
      await run.guard(tx);
      await removeEntry(tx, entryId);
    });
  }
  return { items: expired.length };
}

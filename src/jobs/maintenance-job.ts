import { sql } from "kysely";
import type { Db } from "../infra/postgres/client.js";
import type { Job, JobRun } from "./job.js";
import { trimHistory } from "./run-history.js";

const DAY_MS = 86_400_000;
const HISTORY_DAYS = 30;

/** Keeps next week's partition ready and the job history short. */
export function maintenanceJob(db: Db): Job {
  return {
    name: "maintenance",
    summary: "Create invocation partitions a week ahead, trim the job history",
    everySeconds: 3600,
    timeoutSeconds: 60,
    critical: true,
    run: (run) => maintain(db, run),
  };
}

async function maintain(db: Db, run: JobRun): Promise<{ items: number }> {
  const now = run.now();
  const ahead = new Date(now.getTime() + 7 * DAY_MS);
  await sql`select ensure_invocation_partitions(${new Date(now.getTime() - DAY_MS)}, ${ahead})`.execute(db);
  await trimHistory(db, new Date(now.getTime() - HISTORY_DAYS * DAY_MS));
  return { items: 1 };
}

import type { Db } from "../infra/postgres/client.js";
import type { JobResult } from "./job.js";
import type { Lease } from "./lease.js";

export interface JobRunRow {
  readonly runId: bigint;
  readonly job: string;
  readonly scheduledFor: Date;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly status: string;
  readonly items: number;
  readonly error: string | null;
  readonly details: unknown;
}

/** Opens the record of a run; a run of the same job left `running` by a dead process is marked abandoned. */
export async function recordStart(
  db: Db,
  lease: Lease,
  times: { scheduledFor: Date; startedAt: Date },
): Promise<bigint> {
  return db.transaction().execute(async (tx) => {
    await tx
      .updateTable("job_runs")
      .set({ status: "abandoned", finished_at: times.startedAt })
      .where("job", "=", lease.job)
      .where("status", "=", "running")
      .execute();
    const { run_id } = await tx
      .insertInto("job_runs")
      .values({
        job: lease.job,
        holder: lease.holder,
        fence: lease.fence,
        scheduled_for: times.scheduledFor,
        started_at: times.startedAt,
        status: "running",
      })
      .returning("run_id")
      .executeTakeFirstOrThrow();
    return run_id;
  });
}

export async function recordSuccess(
  db: Db,
  runId: bigint,
  outcome: { result: JobResult; finishedAt: Date },
): Promise<void> {
  await db
    .updateTable("job_runs")
    .set({
      status: "succeeded",
      finished_at: outcome.finishedAt,
      items: outcome.result.items,
      details: JSON.stringify(outcome.result.details ?? {}),
    })
    .where("run_id", "=", runId)
    .execute();
}

export async function recordFailure(
  db: Db,
  runId: bigint,
  outcome: { error: string; finishedAt: Date },
): Promise<void> {
  await db
    .updateTable("job_runs")
    .set({ status: "failed", finished_at: outcome.finishedAt, error: outcome.error })
    .where("run_id", "=", runId)
    .execute();
}

/** How the newest finished run of a job ended, whoever ran it. Runs of dead processes do not count. */
export async function lastRun(db: Db, job: string): Promise<{ finishedAt: Date; succeeded: boolean } | undefined> {
  const row = await db
    .selectFrom("job_runs")
    .select(["finished_at", "status"])
    .where("job", "=", job)
    .where("status", "in", ["succeeded", "failed"])
    .orderBy("run_id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.finished_at ? { finishedAt: row.finished_at, succeeded: row.status === "succeeded" } : undefined;
}

/** Newest runs first, of one job or of all. */
export async function runHistory(db: Db, query: { job?: string | undefined; limit: number }): Promise<JobRunRow[]> {
  const all = db.selectFrom("job_runs").orderBy("run_id", "desc").limit(query.limit);
  const rows = await (query.job === undefined ? all : all.where("job", "=", query.job))
    .select(["run_id", "job", "scheduled_for", "started_at", "finished_at", "status", "items", "error", "details"])
    .execute();
  return rows.map((row) => ({
    runId: row.run_id,
    job: row.job,
    scheduledFor: row.scheduled_for,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    status: row.status,
    items: row.items,
    error: row.error,
    details: row.details,
  }));
}

/** History is kept a month; the table stays small. */
export async function trimHistory(db: Db, before: Date): Promise<void> {
  await db.deleteFrom("job_runs").where("started_at", "<", before).execute();
}

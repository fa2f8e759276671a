import { sql } from "kysely";
import type { Db } from "../infra/postgres/client.js";
import { AppError } from "../kernel/errors.js";

/** A right to run one job, until it expires. */
export interface Lease {
  readonly job: string;
  readonly holder: string;
  readonly fence: bigint;
}

/**
 * Takes the lease when it is free or expired. The database's clock decides, so machines need not agree on the time.
 * @returns undefined when somebody else holds it
 */
export async function takeLease(
  db: Db,
  claim: { job: string; holder: string; seconds: number },
): Promise<Lease | undefined> {
  const { rows } = await sql<{ fence: bigint }>`
    insert into job_leases as lease (job, holder, fence, expires_at)
    values (${claim.job}, ${claim.holder}, 1, now() + make_interval(secs => ${claim.seconds}))
    on conflict (job) do update
      set holder = excluded.holder, fence = lease.fence + 1, expires_at = excluded.expires_at
      where lease.expires_at <= now()
    returning fence`.execute(db);
  const row = rows[0];
  return row === undefined ? undefined : { job: claim.job, holder: claim.holder, fence: row.fence };
}

/** Prolongs a lease that is still ours. @returns false when it was lost */
export async function renewLease(db: Db, lease: Lease, seconds: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update job_leases set expires_at = now() + make_interval(secs => ${seconds})
    where job = ${lease.job} and fence = ${lease.fence} and expires_at > now()`.execute(db);
  return numAffectedRows === 1n;
}

/** Gives the lease back early; harmless when it was lost. */
export async function releaseLease(db: Db, lease: Lease): Promise<void> {
  await sql`update job_leases set expires_at = now() where job = ${lease.job} and fence = ${lease.fence}`.execute(db);
}

/**
 * Locks the lease row against a new holder until the transaction ends.
 * @throws AppError `locked` JOB001 when it is no longer ours
 */
export async function guardLease(tx: Db, lease: Lease): Promise<void> {
  const { rows } = await sql`
    select 1 from job_leases where job = ${lease.job} and fence = ${lease.fence} and expires_at > now() for share`.execute(
    tx,
  );
  if (rows.length === 0) throw leaseLost(lease.job);
}

export function leaseLost(job: string): AppError {
  return new AppError("locked", `the lease of job ${job} belongs to another process`, {
    code: "JOB001",
    fix: "wait for the other run, or look at `job history`",
  });
}

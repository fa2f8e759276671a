import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { pause, type Running, sharedSignal } from "../kernel/lifecycle.js";
import type { Job, JobResult } from "./job.js";
import { type Lease, leaseLost, releaseLease, takeLease } from "./lease.js";
import { type RunnerDeps, runLeased } from "./leased-run.js";
import { lastRun } from "./run-history.js";

export interface JobHealth {
  readonly lastSuccess: Date | undefined;
  readonly stalled: boolean;
}

export interface JobRunner extends Running {
  health(): Map<string, JobHealth>;
}

/** A failed run is tried again no later than this, however long its interval is. */
const RETRY_SECONDS = 60;
/** Replicas' clocks differ by less. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Runs every job on its schedule until closed. Several runners may live side by side: the run history they share says when a job is due,
 * its lease says who runs it, so each run happens once.
 */
export function startJobRunner(deps: RunnerDeps, jobs: readonly Job[]): JobRunner {
  const stop = new AbortController();
  const signal = sharedSignal(deps.signal, stop.signal);
  const records = new Map<string, JobRecord>(jobs.map((job) => [job.name, { failed: false }]));
  const startedAt = deps.now();
  const loops = jobs.map((job) => scheduleLoop({ ...deps, signal, records }, job));
  return {
    health: () =>
      new Map(jobs.map((job) => [job.name, healthOf(job, records.get(job.name), { startedAt, now: deps.now() })])),
    async close() {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

/**
 * Runs one job now, if nobody else does.
 * @throws AppError `locked` JOB001 when another process holds the lease; whatever the job throws
 */
export async function runJobOnce(deps: RunnerDeps, job: Job): Promise<JobResult> {
  const lease = await claim(deps, job);
  if (lease === undefined) throw leaseLost(job.name);
  return runLeased(deps, job, lease);
}

/** What is known of a job's runs, by whoever. */
interface JobRecord {
  readonly lastSuccess?: Date | undefined;
  /** The newest run failed. */
  readonly failed: boolean;
}

interface LoopDeps extends RunnerDeps {
  readonly records: Map<string, JobRecord>;
}

async function scheduleLoop(deps: LoopDeps, job: Job): Promise<void> {
  // Spread the first runs, so that replicas and jobs do not all start in one instant.
  await pause(Math.random() * 100, deps.signal);
  while (!deps.signal.aborted) {
    const waitMs = await runIfDue(deps, job).catch((error: unknown) => {
      if (!deps.signal.aborted) deps.log.error({ err: error, job: job.name }, "job failed");
      return intervalMs(job, false);
    });
    const jitter = 1 + Math.random() * 0.1;
    await pause(waitMs * jitter, deps.signal);
  }
}

/** @returns milliseconds until it is worth looking again */
async function runIfDue(deps: LoopDeps, job: Job): Promise<number> {
  const early = await msUntilDue(deps, job);
  if (early > 0) return early;
  const lease = await claim(deps, job);
  // Whoever holds the lease may die: then it passes on when it expires.
  if (lease === undefined) return Math.min(job.everySeconds * 1000, (deps.leaseSeconds * 1000) / 2);
  // Asked again under the lease: another runner may have finished a run since.
  const late = await msUntilDue(deps, job);
  if (late > 0) {
    await releaseLease(deps.db, lease);
    return late;
  }
  await runLeased(deps, job, lease).finally(() => msUntilDue(deps, job));
  return intervalMs(job, true);
}

/** Looks at the newest run, by whoever, and remembers it for the health report. */
async function msUntilDue(deps: LoopDeps, job: Job): Promise<number> {
  const last = await lastRun(deps.db, job.name);
  if (last === undefined) return 0;
  const lastSuccess = last.succeeded ? last.finishedAt : deps.records.get(job.name)?.lastSuccess;
  deps.records.set(job.name, { lastSuccess, failed: !last.succeeded });
  const ageMs = deps.now().getTime() - last.finishedAt.getTime();
  // A clock that was set back must not stop the job until it has caught up.
  return ageMs < -CLOCK_SKEW_MS ? 0 : Math.max(0, intervalMs(job, last.succeeded) - ageMs);
}

function intervalMs(job: Job, succeeded: boolean): number {
  return (succeeded ? job.everySeconds : Math.min(job.everySeconds, RETRY_SECONDS)) * 1000;
}

function claim(deps: RunnerDeps, job: Job): Promise<Lease | undefined> {
  const holder = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  return takeLease(deps.db, { job: job.name, holder, seconds: deps.leaseSeconds });
}

/** A job whose newest run failed is judged by its interval alone; otherwise one long run is allowed for. */
function healthOf(job: Job, record: JobRecord | undefined, times: { startedAt: Date; now: Date }): JobHealth {
  const lastSuccess = record?.lastSuccess;
  const silentSeconds = (times.now.getTime() - (lastSuccess ?? times.startedAt).getTime()) / 1000;
  const limitSeconds = Math.max(60, 3 * job.everySeconds) + (record?.failed === true ? 0 : job.timeoutSeconds);
  return { lastSuccess, stalled: job.critical && silentSeconds > limitSeconds };
}

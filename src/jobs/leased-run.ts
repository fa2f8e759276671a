import type { Db } from "../infra/postgres/client.js";
import { AppError, messageOf } from "../kernel/errors.js";
import { CloseStack, pause } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { Metrics } from "../kernel/metrics.js";
import type { Job, JobResult } from "./job.js";
import { guardLease, type Lease, leaseLost, releaseLease, renewLease } from "./lease.js";
import { recordFailure, recordStart, recordSuccess } from "./run-history.js";

export interface RunnerDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly metrics: Metrics;
  readonly leaseSeconds: number;
  /** How long a run that was told to stop may take to finish what it is at; default 25 s. */
  readonly graceMs?: number;
}

const GRACE_MS = 25_000;
const DURATION_BUCKETS = [0.05, 0.2, 1, 5, 30, 120, 600];

/**
 * Runs a job under a lease it already has: renews it, writes the run's history, counts it, gives the lease back.
 * @throws whatever the job throws; AppError `aborted` when it was told to stop and did not
 */
export async function runLeased(deps: RunnerDeps, job: Job, lease: Lease): Promise<JobResult> {
  const stack = new CloseStack();
  const progress = { isWorking: false };
  // Of a job that was given up nobody knows what it still does: its lease has to expire.
  stack.add(() => (progress.isWorking ? undefined : releaseLease(deps.db, lease)));
  const lost = new AbortController();
  const renewal = setInterval(() => void keepLease(deps, lease, lost), (deps.leaseSeconds * 1000) / 3);
  stack.add(() => clearInterval(renewal));
  try {
    return await recordedRun(deps, { job, lease, progress, lost: lost.signal });
  } finally {
    await stack.close().catch(() => undefined);
  }
}

interface Run {
  readonly job: Job;
  readonly lease: Lease;
  readonly progress: { isWorking: boolean };
  readonly lost: AbortSignal;
}

async function recordedRun(deps: RunnerDeps, { job, lease, progress, lost }: Run): Promise<JobResult> {
  const startedAt = deps.now();
  const done = durationOf(deps.metrics).startTimer({ job: job.name });
  const runId = await recordStart(deps.db, lease, { scheduledFor: startedAt, startedAt });
  try {
    const signal = AbortSignal.any([deps.signal, lost, AbortSignal.timeout(job.timeoutSeconds * 1000)]);
    const guard = (tx: Db) => guardLease(tx, lease);
    progress.isWorking = true;
    const work = job.run({ signal, now: deps.now, log: deps.log, fence: lease.fence, guard }).finally(() => {
      progress.isWorking = false;
    });
    const result = await withinGrace(work, signal, deps.graceMs ?? GRACE_MS);
    await recordSuccess(deps.db, runId, { result, finishedAt: deps.now() });
    countSuccess(deps, job, result);
    return result;
  } catch (error) {
    await recordFailure(deps.db, runId, { error: messageOf(error), finishedAt: deps.now() }).catch(() => undefined);
    throw error;
  } finally {
    done();
  }
}

/** A job that hangs must not hang its process. Its late writes are refused by the guard. */
async function withinGrace<Result>(work: Promise<Result>, signal: AbortSignal, graceMs: number): Promise<Result> {
  const over = new AbortController();
  const overdue = aborted(signal, over.signal)
    .then(() => pause(graceMs, over.signal))
    .then(() => {
      throw new AppError("aborted", "the job did not stop when it was told to", { cause: signal.reason });
    });
  overdue.catch(() => undefined);
  try {
    return await Promise.race([work, overdue]);
  } finally {
    over.abort();
  }
}

function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true, signal: over }));
}

async function keepLease(deps: RunnerDeps, lease: Lease, lost: AbortController): Promise<void> {
  const kept = await renewLease(deps.db, lease, deps.leaseSeconds).catch(() => undefined);
  if (kept === false) lost.abort(leaseLost(lease.job));
}

function durationOf(metrics: Metrics) {
  return metrics.histogram("job_duration_seconds", "run time of jobs", { labels: ["job"], buckets: DURATION_BUCKETS });
}

function countSuccess({ metrics, now }: RunnerDeps, { name: job }: Job, { items }: JobResult): void {
  const seconds = now().getTime() / 1000;
  metrics.gauge("job_last_success_timestamp", "Unix time of the last success", ["job"]).set({ job }, seconds);
  metrics.counter("job_items_total", "things jobs worked on", ["job"]).inc({ job }, items);
}

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Db } from "../infra/postgres/client.js";
import { AppError, messageOf } from "../kernel/errors.js";
import { CloseStack, pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { Metrics } from "../kernel/metrics.js";
import type { Job, JobResult } from "./job.js";
import { guardLease, type Lease, leaseLost, releaseLease, renewLease, takeLease } from "./lease.js";
import { recordFailure, recordStart, recordSuccess } from "./run-history.js";

export interface RunnerDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly metrics: Metrics;
  readonly leaseSeconds: number;
}

export interface JobHealth {
  readonly lastSuccess: Date | undefined;
  readonly stalled: boolean;
}

export interface JobRunner extends Running {
  health(): Map<string, JobHealth>;
}

/** Runs every job on its schedule until closed. Several runners may live side by side: each run happens once. */
export function startJobRunner(deps: RunnerDeps, jobs: readonly Job[]): JobRunner {
  const stop = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  const lastSuccess = new Map<string, Date>();
  const startedAt = deps.now();
  const loops = jobs.map((job) => scheduleLoop({ ...deps, signal }, job, (at) => lastSuccess.set(job.name, at)));
  return {
    health: () =>
      new Map(jobs.map((job) => [job.name, healthOf(job, lastSuccess.get(job.name), { startedAt, now: deps.now() })])),
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
  const lease = await takeLease(deps.db, { job: job.name, holder: holderName(), seconds: deps.leaseSeconds });
  if (lease === undefined) throw leaseLost(job.name);
  return runLeased(deps, job, lease);
}

async function scheduleLoop(deps: RunnerDeps, job: Job, onSuccess: (at: Date) => void): Promise<void> {
  // Spread the first runs, so that replicas and jobs do not all start in one instant.
  await pause(Math.random() * 100, deps.signal);
  while (!deps.signal.aborted) {
    try {
      await runJobOnce(deps, job);
      onSuccess(deps.now());
    } catch (error) {
      const elsewhere = error instanceof AppError && error.code === "JOB001";
      if (elsewhere) onSuccess(deps.now());
      else if (!deps.signal.aborted) deps.log.error({ err: error, job: job.name }, "job failed");
    }
    const jitter = 1 + Math.random() * 0.1;
    await pause(job.everySeconds * 1000 * jitter, deps.signal);
  }
}

async function runLeased(deps: RunnerDeps, job: Job, lease: Lease): Promise<JobResult> {
  const stack = new CloseStack();
  stack.add(() => releaseLease(deps.db, lease));
  const lost = new AbortController();
  const renewal = setInterval(() => void keepLease(deps, lease, lost), (deps.leaseSeconds * 1000) / 3);
  stack.add(() => clearInterval(renewal));
  const started = deps.now();
  const done = deps.metrics
    .histogram("job_duration_seconds", "run time of jobs", {
      labels: ["job"],
      buckets: [0.05, 0.2, 1, 5, 30, 120, 600],
    })
    .startTimer({ job: job.name });
  const runId = await recordStart(deps.db, lease, { scheduledFor: started, startedAt: started });
  try {
    const signal = AbortSignal.any([deps.signal, lost.signal, AbortSignal.timeout(job.timeoutSeconds * 1000)]);
    const result = await job.run({
      signal,
      now: deps.now,
      log: deps.log,
      fence: lease.fence,
      guard: (tx) => guardLease(tx, lease),
    });
    await recordSuccess(deps.db, runId, { result, finishedAt: deps.now() });
    deps.metrics
      .gauge("job_last_success_timestamp", "Unix time of the last success", ["job"])
      .set({ job: job.name }, deps.now().getTime() / 1000);
    deps.metrics.counter("job_items_total", "things jobs worked on", ["job"]).inc({ job: job.name }, result.items);
    return result;
  } catch (error) {
    await recordFailure(deps.db, runId, { error: messageOf(error), finishedAt: deps.now() }).catch(() => undefined);
    throw error;
  } finally {
    done();
    await stack.close().catch(() => undefined);
  }
}

async function keepLease(deps: RunnerDeps, lease: Lease, lost: AbortController): Promise<void> {
  const kept = await renewLease(deps.db, lease, deps.leaseSeconds).catch(() => undefined);
  if (kept === false) lost.abort(leaseLost(lease.job));
}

function healthOf(job: Job, lastSuccess: Date | undefined, times: { startedAt: Date; now: Date }): JobHealth {
  const silentSeconds = (times.now.getTime() - (lastSuccess ?? times.startedAt).getTime()) / 1000;
  return {
    lastSuccess,
    stalled: job.critical && silentSeconds > Math.max(60, 3 * job.everySeconds + job.timeoutSeconds),
  };
}

function holderName(): string {
  return `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
}

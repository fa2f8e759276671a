import { sql } from "kysely";
import { expect } from "vitest";
import type { Db } from "../../../src/infra/postgres/client.js";
import type { Job, JobRun } from "../../../src/jobs/job.js";
import { type JobRunner, runJobOnce, startJobRunner } from "../../../src/jobs/job-runner.js";
import { guardLease, renewLease, takeLease } from "../../../src/jobs/lease.js";
import type { RunnerDeps } from "../../../src/jobs/leased-run.js";
import { runHistory } from "../../../src/jobs/run-history.js";
import type { Logger } from "../../../src/kernel/logger.js";
import { createMetrics } from "../../../src/kernel/metrics.js";
import { test } from "../../support/fixtures.js";

function deps(db: Db, log: Logger, leaseSeconds = 5): RunnerDeps {
  return {
    db,
    log,
    now: () => new Date(),
    signal: new AbortController().signal,
    metrics: createMetrics(),
    leaseSeconds,
  };
}

function job(run: (run: JobRun) => Promise<{ items: number }>): Job {
  return { name: "test-job", summary: "", everySeconds: 0.05, timeoutSeconds: 5, critical: true, run };
}

test("10 §16.22: two runners started at once never run a job at the same time", async ({ db, log }) => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const work = job(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
    runs += 1;
    return { items: 1 };
  });
  const runners = [startJobRunner(deps(db, log), [work]), startJobRunner(deps(db, log), [work])];
  await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThan(5);
  await Promise.all(runners.map((runner) => runner.close()));
  expect(most).toBe(1);
});

test("10 §16.22: of two runners side by side each due run happens once, also after a restart", async ({ db, log }) => {
  let now = new Date("2026-01-07T12:00:00Z");
  let runs = 0;
  const hourly = {
    ...job(async () => {
      runs += 1;
      return { items: 1 };
    }),
    everySeconds: 3600,
  };
  const at = { ...deps(db, log, 2), now: () => now };
  const start = () => [startJobRunner(at, [hourly]), startJobRunner(at, [hourly])];
  const known = (runners: JobRunner[]) => runners.map((runner) => runner.health().get("test-job")?.lastSuccess);
  const first = start();
  await expect.poll(() => known(first), { timeout: 8000 }).toEqual([now, now]);
  await Promise.all(first.map((runner) => runner.close()));
  expect(runs).toBe(1);
  const second = start();
  await expect.poll(() => known(second), { timeout: 8000 }).toEqual([now, now]);
  await Promise.all(second.map((runner) => runner.close()));
  expect(runs).toBe(1);
  const before = now;
  now = new Date(before.getTime() + 3_600_000);
  const third = start();
  await expect.poll(() => known(third), { timeout: 8000 }).toEqual([now, now]);
  await Promise.all(third.map((runner) => runner.close()));
  expect(runs).toBe(2);
});

test("10 §16.22: a runner takes over from a holder that died when its lease expires", async ({ db, log }) => {
  await takeLease(db, { job: "test-job", holder: "dead", seconds: 1 });
  let runs = 0;
  const runner = startJobRunner(deps(db, log, 1), [
    job(async () => {
      runs += 1;
      return { items: 0 };
    }),
  ]);
  await expect.poll(() => runs, { timeout: 5000 }).toBeGreaterThan(0);
  await runner.close();
});

test("a run that ignores its time limit is given up and recorded, and the next runner waits for its lease", async ({
  db,
  log,
}) => {
  const stuck = { ...job(() => new Promise<never>(() => undefined)), timeoutSeconds: 0.05 };
  await expect(runJobOnce({ ...deps(db, log), graceMs: 20 }, stuck)).rejects.toMatchObject({ kind: "aborted" });
  const [row] = await runHistory(db, { job: "test-job", limit: 1 });
  expect(row).toMatchObject({ status: "failed", error: "the job did not stop when it was told to" });
  expect(await takeLease(db, { job: "test-job", holder: "next", seconds: 30 })).toBeUndefined();
});

test("a job that is at work when the runner closes finishes what it is at", async ({ db, log }) => {
  let started = false;
  const polite = job(async (run) => {
    started = true;
    await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
    return { items: 7 };
  });
  const runner = startJobRunner(deps(db, log), [polite]);
  await expect.poll(() => started, { timeout: 5000 }).toBe(true);
  await runner.close();
  expect((await runHistory(db, { job: "test-job", limit: 1 }))[0]).toMatchObject({ status: "succeeded", items: 7 });
  expect(await takeLease(db, { job: "test-job", holder: "next", seconds: 1 })).toBeDefined();
});

test("runs count into the metrics by name", async ({ db, log }) => {
  const { metrics, ...rest } = deps(db, log);
  await runJobOnce(
    { ...rest, metrics },
    job(async () => ({ items: 3 })),
  );
  const text = await metrics.registry.metrics();
  expect(text).toContain('job_items_total{job="test-job"} 3');
  expect(text).toMatch(/job_last_success_timestamp\{job="test-job"\} \d/);
  expect(text).toContain('job_duration_seconds_count{job="test-job"} 1');
});

test("10 §16.22: the lease of a dead holder passes on, and the dead holder's late write is rejected", async ({
  db,
}) => {
  const dead = await takeLease(db, { job: "j", holder: "dead", seconds: 30 });
  expect(await takeLease(db, { job: "j", holder: "next", seconds: 30 })).toBeUndefined();
  await sql`update job_leases set expires_at = now() - interval '1 second'`.execute(db);
  const next = await takeLease(db, { job: "j", holder: "next", seconds: 30 });
  if (dead === undefined || next === undefined) throw new Error("no lease");
  expect(next.fence).toBe(dead.fence + 1n);
  await expect(db.transaction().execute((tx) => guardLease(tx, dead))).rejects.toMatchObject({
    kind: "locked",
    code: "JOB001",
  });
  await db.transaction().execute((tx) => guardLease(tx, next));
  expect(await renewLease(db, dead, 30)).toBe(false);
});

test("a run that lost its lease is told through its signal", async ({ db, log }) => {
  const outcome = runJobOnce(
    deps(db, log, 1),
    job(async (run) => {
      await sql`update job_leases set fence = fence + 1`.execute(db);
      await new Promise((_, reject) => run.signal.addEventListener("abort", () => reject(run.signal.reason as Error)));
      return { items: 0 };
    }),
  );
  await expect(outcome).rejects.toMatchObject({ code: "JOB001" });
});

test("history keeps success, failure with its text, and marks a run left by a dead process", async ({ db, log }) => {
  await runJobOnce(
    deps(db, log),
    job(async () => ({ items: 3 })),
  );
  await expect(
    runJobOnce(
      deps(db, log),
      job(() => Promise.reject(new Error("no luck"))),
    ),
  ).rejects.toThrow("no luck");
  await sql`insert into job_runs (job, holder, fence, scheduled_for, started_at, status) values ('test-job', 'x', 1, now(), now(), 'running')`.execute(
    db,
  );
  await runJobOnce(
    deps(db, log),
    job(async () => ({ items: 1 })),
  );
  const rows = await runHistory(db, { job: "test-job", limit: 10 });
  expect(rows.map((row) => row.status)).toEqual(["succeeded", "abandoned", "failed", "succeeded"]);
  expect(rows[2]?.error).toBe("no luck");
});

test("a second run by hand is refused while one runs", async ({ db, log }) => {
  await takeLease(db, { job: "test-job", holder: "other", seconds: 30 });
  await expect(
    runJobOnce(
      deps(db, log),
      job(async () => ({ items: 0 })),
    ),
  ).rejects.toMatchObject({ kind: "locked" });
});

test("a critical job that never succeeds makes health bad after its limit", async ({ db, log }) => {
  let now = new Date("2026-01-01T00:00:00Z");
  const runner = startJobRunner({ ...deps(db, log), now: () => now }, [
    { ...job(() => Promise.reject(new Error("x"))), everySeconds: 100 },
  ]);
  expect(runner.health().get("test-job")?.stalled).toBe(false);
  now = new Date("2026-01-01T00:06:00Z");
  expect(runner.health().get("test-job")?.stalled).toBe(true);
  await runner.close();
});

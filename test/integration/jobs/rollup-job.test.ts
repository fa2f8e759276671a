import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  UnknownRow,
} from "kysely";
import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { type Db, openPostgres } from "../../../src/infra/postgres/client.js";
import { invocationCountJob } from "../../../src/jobs/invocation-count-job.js";
import type { Job, JobResult } from "../../../src/jobs/job.js";
import { runJobOnce } from "../../../src/jobs/job-runner.js";
import { rollUpJob } from "../../../src/jobs/rollup-job.js";
import { loadConfig } from "../../../src/kernel/config/load.js";
import type { Logger } from "../../../src/kernel/logger.js";
import { createMetrics } from "../../../src/kernel/metrics.js";
import { test } from "../../support/fixtures.js";
import { givenCaller, givenChute } from "../../support/gateway-api.js";
import { attemptOf, dailySums, settle } from "../../support/invocation-rows.js";
import { asSums, expectedDays, expectedUsage, rounded } from "../../support/rollup-oracle.js";

const NOW = new Date("2026-01-07T12:30:00Z");
const HOUR_MS = 3_600_000;
const config = loadConfig({ env: {}, overrides: { environment: "dev" } });

function runner(db: Db, log: Logger, now: Date = NOW) {
  const { signal } = new AbortController();
  return (job: Job): Promise<JobResult> =>
    runJobOnce({ db, log, now: () => now, signal, metrics: createMetrics(), leaseSeconds: 10 }, job);
}

/** Kills its own connections before every statement from the n-th on: the machine has gone. */
class DiesAt implements KyselyPlugin {
  statements = 0;
  readonly #kill: () => Promise<unknown>;
  readonly #last: number;

  constructor(last: number, kill: () => Promise<unknown>) {
    this.#last = last;
    this.#kill = kill;
  }

  transformQuery({ node }: PluginTransformQueryArgs) {
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    this.statements += 1;
    if (this.statements >= this.#last) await this.#kill();
    return result;
  }
}

test("04 §12: wherever a roll-up dies, nothing is lost and nothing is counted twice", async ({
  db,
  databaseUrl,
  log,
}) => {
  const victim = new URL(databaseUrl);
  victim.searchParams.set("application_name", "victim");
  const fragile = openPostgres({ url: victim.href, poolSize: 2, statementTimeoutMs: 20_000 });
  onTestFinished(() => fragile.destroy());
  const kill = () =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'victim' and datname = current_database()`.execute(db);
  const run = runner(db, log);
  const stored: ReturnType<typeof attemptOf>[] = [];
  let died = 0;
  for (let last = 1; last <= 24; last += 1) {
    const fresh = [0, 1, 2, 250].map((hours) =>
      attemptOf("u", { completedAt: new Date(NOW.getTime() - hours * HOUR_MS) }),
    );
    await settle(db, fresh, NOW);
    stored.push(...fresh);
    const plugin = new DiesAt(last, kill);
    await run(rollUpJob({ db: fragile.withPlugin(plugin), config })).catch(() => {
      died += 1;
    });
  }
  expect(died).toBeGreaterThan(15);
  await run(rollUpJob({ db, config }));
  const { days, usage } = await dailySums(db);
  expect(rounded(asSums(days))).toEqual(rounded(expectedDays(stored)));
  expect(rounded(asSums(usage))).toEqual(rounded(expectedUsage(stored)));
});

test("the roll-up counts what is new, says how much, and has nothing to do the second time", async ({ db, log }) => {
  await settle(
    db,
    [0, 1, 250].map((hours) => attemptOf("u", { completedAt: new Date(NOW.getTime() - hours * HOUR_MS) })),
  );
  const run = runner(db, log);
  expect(await run(rollUpJob({ db, config }))).toEqual({ items: 3, details: { steps: 3, unfinished: false } });
  expect(await run(rollUpJob({ db, config }))).toEqual({ items: 0, details: { steps: 0, unfinished: false } });
});

test("an hour that cannot be counted does not keep the others from being counted", async ({ db, log }) => {
  const broken = attemptOf("u", { metrics: { it: "many" as unknown as number }, completedAt: NOW });
  await settle(db, [broken, attemptOf("u", { completedAt: new Date(NOW.getTime() - HOUR_MS) })]);
  await expect(runner(db, log)(rollUpJob({ db, config }))).rejects.toThrow("invalid input syntax");
  expect(await dailySums(db)).toMatchObject({ days: [{ requests: 1n }] });
  expect(await db.selectFrom("stale_hours").select("hour").execute()).not.toEqual([]);
});

test("a roll-up whose lease passed to somebody else writes nothing", async ({ db, log }) => {
  await settle(db, [attemptOf("u")]);
  const job = rollUpJob({ db, config });
  const robbed: Job = {
    ...job,
    run: async (run) => {
      await sql`update job_leases set fence = fence + 1`.execute(db);
      return job.run(run);
    },
  };
  await expect(runner(db, log)(robbed)).rejects.toMatchObject({ kind: "locked" });
  expect(await dailySums(db)).toEqual({ days: [], usage: [] });
});

test("03 §1: chutes count the calls of the past day, and only those that changed are written", async ({ db, log }) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const [busy, idle] = [await givenChute(db, { owner }), await givenChute(db, { owner })];
  await db.updateTable("chutes").set({ invocation_count: 7 }).where("chute_id", "=", idle.chuteId).execute();
  const call = (hours: number) =>
    attemptOf("u", { chuteId: busy.chuteId, completedAt: new Date(NOW.getTime() - hours * HOUR_MS) });
  await settle(db, [call(0), call(5), call(30), { ...call(1), errorMessage: "RATE_LIMIT", metrics: null }]);
  const run = runner(db, log);
  await run(rollUpJob({ db, config }));
  expect((await run(invocationCountJob({ db, config }))).items).toBe(2);
  expect((await run(invocationCountJob({ db, config }))).items).toBe(0);
  const chutes = await db.selectFrom("chutes").select(["chute_id", "invocation_count"]).execute();
  expect(new Map(chutes.map((row) => [row.chute_id, row.invocation_count]))).toEqual(
    new Map([
      [busy.chuteId, 2],
      [idle.chuteId, 0],
    ]),
  );
  expect(await db.selectFrom("chute_history").select("chute_id").execute()).toHaveLength(2);
});

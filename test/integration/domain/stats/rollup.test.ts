import { readFileSync } from "node:fs";
import fc from "fast-check";
import { type KyselyPlugin, type PluginTransformQueryArgs, type PluginTransformResultArgs, sql } from "kysely";
import { expect } from "vitest";
import type { SettledAttempt } from "../../../../src/domain/invocations/settled-attempt.js";
import { HOURS_KEPT_DAYS, newestStaleHour, rollUp, trimHours } from "../../../../src/domain/stats/rollup-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { test } from "../../../support/fixtures.js";
import { attemptOf, dailySums, rollUpAll, settle } from "../../../support/invocation-rows.js";
import { anyAttempt, asSums, expectedDays, expectedUsage, rounded } from "../../../support/rollup-oracle.js";

const NOW = new Date("2026-01-07T12:30:00Z");
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const staleHours = async (db: Db) =>
  (await db.selectFrom("stale_hours").select("hour").distinct().orderBy("hour").execute()).map(({ hour }) =>
    hour.toISOString().slice(0, 13),
  );

type Step =
  | "run"
  | "interrupted run"
  | "trim"
  | { readonly attempts: readonly SettledAttempt[]; readonly times: number };

const TABLES =
  "partitioned_invocations, usage_data, stale_hours, invocation_hours, invocation_days, usage_hours, usage_days";

const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    {
      weight: 3,
      arbitrary: fc.record({
        attempts: fc.array(anyAttempt(NOW), { minLength: 1, maxLength: 12 }),
        times: fc.integer({ min: 1, max: 2 }),
      }),
    },
    { weight: 2, arbitrary: fc.constantFrom("run", "interrupted run", "trim") },
  ),
  { minLength: 1, maxLength: 8 },
);

async function take(db: Db, step: Step): Promise<void> {
  if (step === "run") return rollUpAll(db, NOW);
  if (step === "trim") return trimHours(db, NOW);
  if (step === "interrupted run") return rollUpInterrupted(db);
  for (let time = 0; time < step.times; time += 1) await settle(db, step.attempts, NOW);
}

test("days equal a count by hand after any batches, late rows, interruptions and repeated runs", async ({ db }) => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      await sql`truncate ${sql.raw(TABLES)}`.execute(db);
      for (const step of taken) await take(db, step);
      await rollUpAll(db, NOW);
      await rollUpAll(db, NOW);
      const stored = taken.flatMap((step) => (typeof step === "object" ? step.attempts : []));
      const { days, usage } = await dailySums(db);
      expect(rounded(asSums(days))).toEqual(rounded(expectedDays(stored)));
      expect(rounded(asSums(usage))).toEqual(rounded(expectedUsage(stored)));
      expect(await staleHours(db)).toEqual([]);
    }),
    { numRuns: 15 },
  );
}, 60_000);

/** The newest hour is counted, and then the process dies before it commits. */
async function rollUpInterrupted(db: Db): Promise<void> {
  const hour = await newestStaleHour(db, undefined);
  if (hour === undefined) return;
  const run = db.transaction().execute(async (tx) => {
    await rollUp(tx, hour, NOW);
    throw new Error("killed");
  });
  await expect(run).rejects.toThrow("killed");
}

/** Does something after the n-th statement. */
class AfterStatement implements KyselyPlugin {
  #left: number;
  readonly #act: () => Promise<void>;

  constructor(statement: number, act: () => Promise<void>) {
    this.#left = statement;
    this.#act = act;
  }

  transformQuery({ node }: PluginTransformQueryArgs) {
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    this.#left -= 1;
    if (this.#left === 0) await this.#act();
    return result;
  }
}

test("a row that is stored between any two statements of a roll-up is counted by it or by the next", async ({ db }) => {
  await settle(db, [attemptOf("u")]);
  let stored = 1;
  for (let statement = 1; statement <= 6; statement += 1) {
    await settle(db, [attemptOf("u")]);
    const late = new AfterStatement(statement, () => settle(db, [attemptOf("u")]));
    const hour = new Date("2026-01-07T11:00:00Z");
    await db
      .withPlugin(late)
      .transaction()
      .execute((tx) => rollUp(tx, hour, NOW));
    stored += 2;
    await rollUpAll(db, NOW);
    const sums = { days: [{ requests: BigInt(stored) }], usage: [{ count: BigInt(stored) }] };
    expect(await dailySums(db)).toMatchObject(sums);
  }
});

test("a call marks the hour it started in and the hour it ended in", async ({ db }) => {
  await settle(db, [
    attemptOf("u", { startedAt: new Date("2026-01-07T09:59:59Z"), completedAt: new Date("2026-01-07T11:00:00Z") }),
  ]);
  expect(await staleHours(db)).toEqual(["2026-01-07T09", "2026-01-07T11"]);
  await rollUpAll(db, NOW);
  expect(await dailySums(db)).toMatchObject({ days: [{ requests: 1n, busy_seconds: 3601 }], usage: [{ count: 1n }] });
});

test("a batch that stores nothing new marks nothing", async ({ db }) => {
  const attempts = [attemptOf("u")];
  await settle(db, attempts);
  await rollUpAll(db, NOW);
  await settle(db, attempts);
  expect(await staleHours(db)).toEqual([]);
});

test("two gateways and a roll-up at once neither block each other nor lose a row", async ({ db }) => {
  const batches = Array.from({ length: 24 }, (_, index) =>
    Array.from({ length: 5 }, () => attemptOf("u", { completedAt: new Date(NOW.getTime() - (index % 4) * HOUR_MS) })),
  );
  await settle(db, [attemptOf("u")]);
  const running = Promise.all(batches.map((batch) => settle(db, batch)));
  for (let round = 0; round < 5; round += 1) await rollUpAll(db, NOW);
  await running;
  await rollUpAll(db, NOW);
  expect(await dailySums(db)).toMatchObject({ days: [{ requests: 121n }], usage: [{ count: 121n }] });
});

test("hours go after eight days, and a row that comes later still finds its way into its day", async ({ db }) => {
  const old = new Date(NOW.getTime() - (HOURS_KEPT_DAYS + 3) * DAY_MS);
  const [early, late] = [0, 1].map((hours) =>
    attemptOf("u", { completedAt: new Date(old.getTime() + hours * HOUR_MS) }),
  );
  await settle(
    db,
    [early, late].filter((attempt) => attempt !== undefined),
  );
  await rollUpAll(db, old);
  expect(await db.selectFrom("invocation_hours").select("hour").execute()).toHaveLength(2);
  await trimHours(db, NOW);
  expect(await db.selectFrom("invocation_hours").select("hour").execute()).toEqual([]);
  await settle(db, [attemptOf("u", { completedAt: old })]);
  await rollUpAll(db, NOW);
  expect(await dailySums(db)).toMatchObject({ days: [{ requests: 3n }], usage: [{ count: 3n }] });
  expect(await db.selectFrom("invocation_hours").select("hour").execute()).toEqual([]);
});

test("days keep what they counted when a partition of the log is dropped", async ({ db }) => {
  const old = new Date(NOW.getTime() - 20 * DAY_MS);
  await settle(db, [attemptOf("u", { completedAt: old }), attemptOf("u", { completedAt: old })]);
  await rollUpAll(db, NOW);
  await sql`drop table partitioned_invocations_2025_51`.execute(db);
  await settle(db, [attemptOf("u", { completedAt: old })]);
  await rollUpAll(db, NOW);
  expect(await dailySums(db)).toMatchObject({ days: [{ requests: 2n }] });
});

test("rows that were stored before there were marks are marked by the migration", async ({ db }) => {
  const hours = [0, 3, 4, 700, 2000];
  await settle(
    db,
    hours.map((hour) => attemptOf("u", { completedAt: new Date(NOW.getTime() - hour * HOUR_MS) })),
  );
  const marked = await staleHours(db);
  await sql`truncate stale_hours`.execute(db);
  const file = readFileSync("src/infra/postgres/migrations/0008_rollups.sql", "utf8");
  await sql.raw(file.slice(file.indexOf("insert into stale_hours (hour)\nwith recursive"))).execute(db);
  expect(await staleHours(db)).toEqual(marked);
  expect(marked).toHaveLength(5);
});

import type { Readable } from "node:stream";
import { sql } from "kysely";
import { expect } from "vitest";
import type { ChainClient } from "../../src/infra/chain/client.js";
import type { ObjectStore } from "../../src/infra/object-store/store.js";
import { openPostgres } from "../../src/infra/postgres/client.js";
import { auditEntryId } from "../../src/wire/ids.js";
import { parsePythonLiteral } from "../../src/wire/python.js";
import { BOB } from "../fakes/chain-accounts.js";
import {
  type ExportPlatform,
  givenInvocations,
  HOTKEY,
  listedEntries,
  objectText,
  openExportPlatform,
  sha256,
  storedKeys,
  exportTest as test,
} from "../support/exports.js";

const HOUR_14 = "invocations/2026/01/07/14.csv";
const HEADER =
  "parent_invocation_id,invocation_id,chute_id,chute_user_id,function_name,image_id,image_user_id,instance_id,miner_uid,miner_hotkey,started_at,completed_at,error_message,compute_multiplier,bounty,metrics";

/** The fields of a row that these tests leave alone. */
const fixed = (id: string) => `parent-${id},${id},chute,owner,chat,image,owner,instance`;

async function givenSeededHour(platform: ExportPlatform): Promise<void> {
  await givenInvocations(platform.db, [
    {
      id: "b",
      startedAt: "2026-01-07 13:30:00.123456",
      completedAt: "2026-01-07 13:30:01.5",
      multiplier: 1 / 18,
      bounty: 250,
      metrics: { it: 1000, nc: 60, p: true, ttft: null, maspt: 1e-7 },
    },
    { id: "a", startedAt: "2026-01-07 13:00:00", completedAt: "2026-01-07 13:00:10", metrics: null },
    { id: "c", startedAt: "2026-01-07 13:59:59.999999", completedAt: null },
    {
      id: "d",
      startedAt: "2026-01-07 13:40:00",
      completedAt: "2026-01-07 13:40:01",
      error: 'bad, "very"\nbad',
      uid: -1,
    },
    { id: "e", startedAt: "2026-01-07 14:00:00", completedAt: "2026-01-07 14:00:01" },
  ]);
}

test("08 §11.1: a seeded hour gives the listed text, and the same bytes again in another time zone", async ({
  platform,
  databaseUrl,
}) => {
  await givenSeededHour(platform);
  await platform.run();
  const csv = await objectText(platform.store, HOUR_14);
  expect(csv).toBe(
    [
      HEADER,
      `${fixed("a")},1,${BOB.address},2026-01-07 13:00:00,2026-01-07 13:00:10,,4.0,0,`,
      `${fixed("b")},1,${BOB.address},2026-01-07 13:30:00.123456,2026-01-07 13:30:01.500000,,0.05555555555555555,250,"{'p': True, 'it': 1000, 'nc': 60.0, 'ttft': None, 'maspt': 1e-07}"`,
      `${fixed("d")},-1,${BOB.address},2026-01-07 13:40:00,2026-01-07 13:40:01,"bad, ""very""\nbad",4.0,0,`,
      `${fixed("c")},1,${BOB.address},2026-01-07 13:59:59.999999,,,4.0,0,`,
      "",
    ].join("\r\n"),
  );
  const report = await objectText(platform.store, (await listedEntries(platform.db))[0]?.path ?? "");
  await sql`truncate export_windows, export_files, audit_entries`.execute(platform.db);
  await sql
    .raw(`alter database "${new URL(databaseUrl).pathname.slice(1)}" set timezone = 'Asia/Kolkata'`)
    .execute(platform.db);
  const db = openPostgres({ url: databaseUrl, poolSize: 4, statementTimeoutMs: 20_000 });
  const elsewhere = await openExportPlatform(db);
  await elsewhere.run();
  expect((await sql<{ TimeZone: string }>`show timezone`.execute(db)).rows).toEqual([{ TimeZone: "Asia/Kolkata" }]);
  expect(await objectText(elsewhere.store, HOUR_14)).toBe(csv);
  expect(await objectText(elsewhere.store, (await listedEntries(db))[0]?.path ?? "")).toBe(report);
  await elsewhere.close();
  await db.destroy();
});

test("08 §11.2: the last hour of a year is named after the first of the next", async ({ platform }) => {
  platform.now = new Date("2027-01-01T00:01:30Z");
  await givenInvocations(platform.db, [
    { id: "x", startedAt: "2026-12-31 23:15:00", completedAt: "2026-12-31 23:15:01" },
  ]);
  await platform.run();
  expect(await objectText(platform.store, "invocations/2027/01/01/00.csv")).toContain("2026-12-31 23:15:00");
  expect(await storedKeys(platform.store)).toContain("invocations/2027/01/01/00-jobs.csv");
});

class Killed extends Error {}

/** Steps at which a process may die, in the order in which the export takes them. */
const STEPS: readonly (keyof ObjectStore | keyof ChainClient)[] = [
  "put",
  "copy",
  "get",
  "delete",
  "latestCommitment",
  "setCommitment",
  "commitmentAt",
];

/** Wraps what is outside: the `at`-th step never returns; with `after` its effect is there all the same. */
function killedAt(platform: ExportPlatform, at: number, after: boolean) {
  let count = 0;
  const killing = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name) as unknown;
        if (typeof value !== "function") return value;
        const method = value.bind(object) as (...args: unknown[]) => Promise<unknown>;
        if (!(STEPS as readonly (string | symbol)[]).includes(name)) return method;
        return async (...args: unknown[]) => {
          count += 1;
          if (count !== at) return method(...args);
          const opened = after ? ((await method(...args)) as { body?: Readable } | undefined) : undefined;
          opened?.body?.destroy();
          throw new Killed();
        };
      },
    });
  return { store: killing(platform.store), chain: killing(platform.chain), steps: () => count };
}

async function stepsOfOneHour(platform: ExportPlatform): Promise<number> {
  const { steps, ...sources } = killedAt(platform, 0, false);
  await platform.run({ sources });
  return steps();
}

/** The next hour gets a row; the clock stands a little after its end. */
async function givenNextHour(platform: ExportPlatform, hours: number): Promise<string> {
  const start = new Date(Date.UTC(2026, 0, 7, 13 + hours));
  platform.now = new Date(start.getTime() + 3_720_000);
  const startedAt = start.toISOString().slice(0, 19).replace("T", " ");
  await givenInvocations(platform.db, [{ startedAt, completedAt: startedAt }]);
  return startedAt;
}

async function commitmentsOf(platform: ExportPlatform, hash: string): Promise<number> {
  const { rows } = await sql<{ calls: number }>`
    select calls from local_chain.commitments where sha256 = ${hash}`.execute(platform.db);
  return rows.reduce((sum, row) => sum + row.calls, 0);
}

/** One entry for the hour, one commitment, and files that have the hashes the report names. */
async function expectOneVerifiableEntry(platform: ExportPlatform, startedAt: string): Promise<void> {
  const entries = await listedEntries(platform.db);
  const ours = entries.filter((entry) => entry.start_time.getTime() === Date.parse(`${startedAt.replace(" ", "T")}Z`));
  expect(ours).toHaveLength(1);
  const { path = "", sha256: hash = "", block = 0 } = ours[0] ?? {};
  const report = await objectText(platform.store, path);
  expect(sha256(report)).toBe(hash);
  expect(await platform.chain.commitmentAt({ netuid: 64, hotkey: HOTKEY, block })).toEqual({
    kind: "sha256",
    hex: hash,
  });
  expect(await commitmentsOf(platform, hash)).toBe(1);
  const files = Object.values((JSON.parse(report) as { csv_exports: object }).csv_exports);
  expect(files).toHaveLength(3);
  for (const file of files) expect(sha256(await objectText(platform.store, file.path))).toBe(file.sha256);
}

test("08 §11.3: killed at any step and run again, an hour has one entry, one commitment and the right bytes", async ({
  platform,
}) => {
  await givenNextHour(platform, 0);
  const steps = await stepsOfOneHour(platform);
  expect(steps).toBeGreaterThan(20);
  let hour = 1;
  for (let step = 1; step <= steps; step += 1) {
    for (const after of [false, true]) {
      const startedAt = await givenNextHour(platform, hour);
      const { store, chain } = killedAt(platform, step, after);
      await expect(platform.run({ sources: { store, chain } }), `step ${step}`).rejects.toBeInstanceOf(Killed);
      await platform.run();
      await expectOneVerifiableEntry(platform, startedAt);
      hour += 1;
    }
  }
  expect(await listedEntries(platform.db)).toHaveLength(hour);
}, 60_000);

test("08 §11.4: three missed hours are filled in order by one run", async ({ platform }) => {
  await givenNextHour(platform, 0);
  await platform.run();
  platform.now = new Date("2026-01-07T17:02:00Z");
  const { details } = await platform.run();
  expect(details).toEqual({
    hours: ["2026-01-07T15:00:00.000Z", "2026-01-07T16:00:00.000Z", "2026-01-07T17:00:00.000Z"],
  });
  const entries = await listedEntries(platform.db);
  expect(entries.map((entry) => entry.start_time.getUTCHours())).toEqual([13, 14, 15, 16]);
  const blocks = entries.map((entry) => entry.block);
  expect(blocks).toEqual([...new Set(blocks)].sort((a, b) => a - b));
  expect(await platform.run()).toEqual({ items: 0, details: { hours: [] } });
});

test("08 §11.9, 10 §16.11: entries are named by hotkey and block", async ({ platform }) => {
  await givenNextHour(platform, 0);
  await platform.run();
  const [entry] = await listedEntries(platform.db);
  expect(entry).toMatchObject({
    entry_id: auditEntryId(HOTKEY, entry?.block ?? 0),
    path: `audit/validator/${HOTKEY}/${entry?.block}.json`,
  });
  expect(auditEntryId("5DCJTfVx3ReNyxW3SgQEKFgvXFuqnK3BNW1vMhTQK4jdZbV4", 4_242_424)).toBe(
    "78eef354-41d8-5a0a-87a9-4f695a4ff24f",
  );
});

test("10 §16.10: killed between commitment and publication, the run after publishes the same document and fills the gap", async ({
  platform,
}) => {
  await givenNextHour(platform, 0);
  const killing = { ...platform.chain, commitmentAt: () => Promise.reject(new Killed()) };
  await expect(platform.run({ sources: { chain: killing } })).rejects.toBeInstanceOf(Killed);
  const committed = await platform.chain.latestCommitment(64, HOTKEY);
  expect(await listedEntries(platform.db)).toEqual([]);
  platform.now = new Date("2026-01-07T16:02:00Z");
  await platform.run();
  const entries = await listedEntries(platform.db);
  expect(entries).toHaveLength(3);
  expect(entries[0]).toMatchObject({ sha256: committed?.sha256Hex, block: committed?.block });
  expect(await commitmentsOf(platform, committed?.sha256Hex ?? "")).toBe(1);
  expect(await storedKeys(platform.store)).toEqual(
    expect.arrayContaining([HOUR_14, "invocations/2026/01/07/14-reports.csv", "invocations/2026/01/07/16-jobs.csv"]),
  );
});

test("04 §19.21: metrics are Python literals with times to the microsecond", async ({ platform }) => {
  platform.now = new Date("2025-10-01T13:01:00Z");
  const metrics = { it: 5, ttft: null, p: true, tps: 12.5 };
  await givenInvocations(platform.db, [
    { startedAt: "2025-10-01 12:00:00.123456", completedAt: "2025-10-01 12:00:01", metrics, multiplier: 1.79 / 4.5 },
  ]);
  await platform.run();
  const csv = await objectText(platform.store, "invocations/2025/10/01/13.csv");
  const [, line = ""] = csv.split("\r\n");
  expect(csv.endsWith("\r\n")).toBe(true);
  expect(line).toContain(',2025-10-01 12:00:00.123456,2025-10-01 12:00:01,,0.3977777777777778,0,"{');
  expect(parsePythonLiteral(/"(.*)"$/.exec(line)?.[1] ?? "")).toEqual(metrics);
});

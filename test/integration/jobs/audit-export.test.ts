import { createHmac } from "node:crypto";
import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { plannedExports } from "../../../src/jobs/audit-export/audit-export-job.js";
import { loadConfig } from "../../../src/kernel/config/load.js";
import type { Config } from "../../../src/kernel/config/schema.js";
import {
  type ExportPlatform,
  givenInvocations,
  HOTKEY,
  listedEntries,
  objectText,
  openExportPlatform,
  PSEUDONYM_KEY,
  sha256,
  storedKeys,
  exportTest as test,
} from "../../support/exports.js";

const HOUR_14 = "invocations/2026/01/07/14.csv";

interface Report {
  readonly instance_audit: readonly Record<string, unknown>[];
  readonly compute_history: readonly Record<string, unknown>[];
  readonly csv_exports: Readonly<Record<string, { readonly path: string; readonly sha256: string }>>;
  readonly export: Readonly<Record<string, unknown>>;
  readonly scores: Readonly<Record<string, unknown>>;
}

async function newestReport(platform: ExportPlatform): Promise<Report> {
  const entries = await listedEntries(platform.db);
  return JSON.parse(await objectText(platform.store, entries.at(-1)?.path ?? "")) as Report;
}

async function rowIds(platform: ExportPlatform, key: string): Promise<string[]> {
  const lines = (await objectText(platform.store, key)).split("\r\n").slice(1, -1);
  return lines.map((line) => line.split(",")[1] ?? "");
}

function configWith(settings: Record<string, unknown>): Config {
  return loadConfig({ env: {}, overrides: { environment: "dev", netuid: 64, ...settings } });
}

function settled(platform: ExportPlatform, time: string): void {
  platform.now = new Date(time);
}

test("a call that crosses the hour is in both files, one of more than a day only in the first", async ({
  platform,
}) => {
  await givenInvocations(platform.db, [
    { id: "crosses", startedAt: "2026-01-07 13:59:30", completedAt: "2026-01-07 14:00:10" },
    { id: "yesterday", startedAt: "2026-01-06 13:00:00", completedAt: "2026-01-07 13:30:00" },
    { id: "too-long", startedAt: "2026-01-06 12:59:59.999999", completedAt: "2026-01-07 13:30:00" },
    { id: "on-start", startedAt: "2026-01-07 13:00:00", completedAt: "2026-01-07 14:00:00" },
    { id: "on-end", startedAt: "2026-01-07 14:00:00", completedAt: "2026-01-07 14:00:00" },
  ]);
  settled(platform, "2026-01-07T15:02:00Z");
  await platform.run({ range: { from: new Date("2026-01-07T13:00:00Z") } });
  expect(await rowIds(platform, HOUR_14)).toEqual(["yesterday", "on-start", "crosses"]);
  expect(await rowIds(platform, "invocations/2026/01/07/15.csv")).toEqual(["on-start", "crosses", "on-end"]);
});

test("an hour closed early is replaced once it is over: files, report and index entry", async ({ platform }) => {
  settled(platform, "2026-01-07T13:20:00Z");
  await givenInvocations(platform.db, [
    { id: "first", startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" },
    { id: "later", startedAt: "2026-01-07 13:20:00", completedAt: "2026-01-07 13:20:00.5" },
  ]);
  await platform.run({ range: { closeNow: true } });
  const [early] = await listedEntries(platform.db);
  expect((await newestReport(platform)).export).toMatchObject({ closed_at: "2026-01-07T13:20:00.000000" });
  expect(await rowIds(platform, HOUR_14)).toEqual(["first"]);
  settled(platform, "2026-01-07T13:40:00Z");
  await platform.run({ range: { closeNow: true } });
  expect(await rowIds(platform, HOUR_14)).toEqual(["first", "later"]);
  settled(platform, "2026-01-07T14:02:00Z");
  await platform.run();
  const entries = await listedEntries(platform.db);
  expect(entries).toHaveLength(1);
  expect(entries[0]?.block).toBeGreaterThan(early?.block ?? 0);
  const { csv_exports: files, export: meta } = await newestReport(platform);
  expect(meta).toMatchObject({ closed_at: null, rows: { invocations: 2, reports: 0, jobs: 0 } });
  expect(sha256(await objectText(platform.store, HOUR_14))).toBe(files["invocations"]?.sha256);
  expect((await storedKeys(platform.store)).filter((key) => key.startsWith("audit/"))).toEqual([entries[0]?.path]);
  expect((await platform.run()).items).toBe(0);
});

test("closing early takes the hour that has not settled along, and leaves its own export to come", async ({
  platform,
}) => {
  settled(platform, "2026-01-07T14:00:20Z");
  await givenInvocations(platform.db, [
    { id: "a", startedAt: "2026-01-07 13:59:58", completedAt: "2026-01-07 13:59:59" },
    { id: "b", startedAt: "2026-01-07 14:00:05", completedAt: "2026-01-07 14:00:06" },
  ]);
  const { details } = await platform.run({ range: { closeNow: true } });
  expect(details).toEqual({ hours: ["2026-01-07T14:00:00.000Z", "2026-01-07T15:00:00.000Z"] });
  expect(await rowIds(platform, HOUR_14)).toEqual(["a"]);
  expect(await rowIds(platform, "invocations/2026/01/07/15.csv")).toEqual(["b"]);
  settled(platform, "2026-01-07T14:01:00Z");
  expect((await platform.run()).details).toEqual({ hours: ["2026-01-07T14:00:00.000Z"] });
});

test("planned hours go on where the last export ended, stop at `to`, wait until they settled, and are bounded", async ({
  platform,
}) => {
  const { db } = platform;
  const plan = async (now: string, range = {}, settings: Record<string, unknown> = {}) => {
    const plans = await plannedExports({ db, config: configWith(settings) }, new Date(now), range);
    return plans.map(({ end, closedAt, reason }) => [end, closedAt, reason].map((part) => part?.valueOf()));
  };
  const whole = (...hours: string[]) => hours.map((hour) => [Date.parse(hour), Date.parse(hour), undefined]);
  expect(await plan("2026-01-07T14:02:00Z")).toEqual([]);
  await givenInvocations(db, [{ startedAt: "2026-01-07 12:59:59", completedAt: "2026-01-07 13:00:00" }]);
  expect(await plan("2026-01-07T14:00:59Z")).toEqual(whole("2026-01-07T13:00Z"));
  expect(await plan("2026-01-07T14:01:00Z")).toEqual(whole("2026-01-07T13:00Z", "2026-01-07T14:00Z"));
  expect(await plan("2026-01-07T14:01:00Z", {}, { audit: { settleSeconds: 600 } })).toEqual(whole("2026-01-07T13:00Z"));
  const from = new Date("2026-01-07T11:30:00+01:00");
  expect(await plan("2026-01-07T14:02:00Z", { from, to: new Date("2026-01-07T12:59:59Z") })).toEqual(
    whole("2026-01-07T11:00Z", "2026-01-07T12:00Z"),
  );
  expect(await plan("2026-01-07T14:02:00Z", { to: new Date("2026-01-07T14:00:00Z") })).toHaveLength(2);
  expect(await plan("2026-01-07T14:02:00Z", { from: new Date("1999-01-01") })).toHaveLength(24);
  expect(await plan("2026-01-07T14:02:00Z", { from: new Date("2027-01-01") })).toEqual([]);
  settled(platform, "2026-01-07T14:02:00Z");
  await platform.run();
  expect(await plan("2026-01-07T16:02:00Z", { from: new Date("2026-01-07T15:00:00Z") })).toEqual(
    whole("2026-01-07T15:00Z", "2026-01-07T16:00Z"),
  );
  expect(await plan("2026-01-07T14:30:00Z", { closeNow: true })).toEqual([
    [Date.parse("2026-01-07T15:00Z"), Date.parse("2026-01-07T14:30Z"), "closed early"],
  ]);
});

test("user ids and words of reports leave as pseudonyms, unless the operator wants otherwise", async ({ platform }) => {
  const { db } = platform;
  await sql`insert into reports values
    ('parent', 'user-1', '2026-01-07 13:10:00.5+00', '2026-01-07 13:20:00+00', 'user-2', 'my secret prompt'),
    ('confirmed-now', 'user-1', '2026-01-01 00:00:00+00', '2026-01-07 13:30:00+00', 'user-2', 'x'),
    ('empty', 'user-1', '2026-01-07 13:50:00+00', null, null, ''),
    ('next-hour', 'user-1', '2026-01-07 14:00:00+00', null, null, 'x')`.execute(db);
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, miner_uid, miner_hotkey, region, billed_to)
    values ('i1', 'c', 'v', '2026-01-07 13:05:00+00', 3, 'hk', 'n/a', 'user-1')`.execute(db);
  const hidden = (id: string) => `u_${createHmac("sha256", PSEUDONYM_KEY).update(id).digest("hex").slice(0, 16)}`;
  await platform.run();
  const reports = "invocations/2026/01/07/14-reports.csv";
  const [one, two] = [hidden("user-1"), hidden("user-2")];
  expect(await objectText(platform.store, reports)).toBe(
    [
      "invocation_id,user_id,timestamp,confirmed_at,confirmed_by,reason",
      `confirmed-now,${one},2026-01-01 00:00:00+00:00,2026-01-07 13:30:00+00:00,${two},user report`,
      `parent,${one},2026-01-07 13:10:00.500000+00:00,2026-01-07 13:20:00+00:00,${two},user report`,
      `empty,${one},2026-01-07 13:50:00+00:00,,,user report`,
      "",
    ].join("\r\n"),
  );
  expect((await newestReport(platform)).instance_audit[0]).toMatchObject({ billed_to: one, miner_uid: "3" });
  await sql`truncate export_windows, export_files, audit_entries`.execute(db);
  const open = await openExportPlatform(db, { settings: { audit: { pseudonyms: false } } });
  onTestFinished(() => open.close());
  await open.run();
  const text = await objectText(open.store, reports);
  expect(text).toContain(
    "parent,user-1,2026-01-07 13:10:00.500000+00:00,2026-01-07 13:20:00+00:00,user-2,my secret prompt",
  );
  expect(text).toContain("empty,user-1,2026-01-07 13:50:00+00:00,,,unspecified");
  expect((await newestReport(open)).instance_audit[0]).toMatchObject({ billed_to: "user-1" });
});

test("a late export knows no more of instances than a punctual one", async ({ platform }) => {
  const { db } = platform;
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, verified_at, activated_at, deleted_at,
      deletion_reason, valid_termination, miner_uid, miner_hotkey, region, compute_multiplier)
    values
      ('alive', 'c', 'v', '2026-01-07 12:05+00', '2026-01-07 12:06+00', '2026-01-07 14:30+00', '2026-01-07 15:30+00', 'gone', true, 1, 'hk', 'n/a', 4),
      ('ended', 'c', 'v', '2026-01-07 12:05+00', '2026-01-07 12:06+00', '2026-01-07 12:07+00', '2026-01-07 14:00+00', 'gone', true, 1, 'hk', 'n/a', 4),
      ('before', 'c', 'v', '2026-01-07 12:05+00', null, null, '2026-01-07 12:59:59+00', 'gone', null, 1, 'hk', 'n/a', 4),
      ('after', 'c', 'v', '2026-01-07 14:00+00', null, null, null, null, null, 1, 'hk', 'n/a', 4)`.execute(db);
  await sql`insert into instance_compute_history values
      ('alive', 1.2, '2026-01-07 12:05+00', '2026-01-07 14:30+00'), ('alive', 4, '2026-01-07 14:30+00', '2026-01-07 15:30+00'),
      ('before', 1.2, '2026-01-07 12:05+00', '2026-01-07 12:59:59+00'),
      ('ended', 4, '2026-01-07 12:07+00', '2026-01-07 14:00+00')`.execute(db);
  settled(platform, "2026-01-07T16:02:00Z");
  await platform.run({ range: { from: new Date("2026-01-07T13:00:00Z"), to: new Date("2026-01-07T14:00:00Z") } });
  const { instance_audit: instances, compute_history: history } = await newestReport(platform);
  const noEnd = { deleted_at: null, deletion_reason: null, valid_termination: null };
  expect(instances).toMatchObject([
    { instance_id: "alive", verified_at: "2026-01-07T12:06:00.000000", activated_at: null, ...noEnd },
    {
      instance_id: "ended",
      deleted_at: "2026-01-07T14:00:00.000000",
      deletion_reason: "gone",
      valid_termination: true,
    },
  ]);
  expect(history).toEqual([
    { instance_id: "alive", compute_multiplier: 1.2, started_at: "2026-01-07T12:05:00.000000", ended_at: null },
    {
      instance_id: "ended",
      compute_multiplier: 4,
      started_at: "2026-01-07T12:07:00.000000",
      ended_at: "2026-01-07T14:00:00.000000",
    },
  ]);
});

test("EXP001: a published hour that would change is refused before anything is committed", async ({ platform }) => {
  const { db } = platform;
  await givenInvocations(db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  await platform.run();
  const before = await objectText(platform.store, HOUR_14);
  const committed = await platform.chain.latestCommitment(64, HOTKEY);
  await sql`insert into export_windows (start_time, end_time, closed_at, state, report_sha256, created_at)
    select start_time, end_time, closed_at, 'built', ${"ab".repeat(32)}, now() from export_windows`.execute(db);
  await sql`insert into export_files select export_id, 'invocations', ${HOUR_14}, ${"cd".repeat(32)}, 1, 1
    from export_windows where state = 'built'`.execute(db);
  await expect(platform.run()).rejects.toMatchObject({ kind: "conflict", code: "EXP001" });
  expect(await platform.chain.latestCommitment(64, HOTKEY)).toEqual(committed);
  expect(await objectText(platform.store, HOUR_14)).toBe(before);
});

test("EXP001: bytes in the object store that the journal does not know are never overwritten", async ({ platform }) => {
  const { db, store } = platform;
  await givenInvocations(db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  await store.put(HOUR_14, Buffer.from("from another life"), { contentType: "text/csv" });
  await expect(platform.run()).rejects.toMatchObject({ kind: "conflict", code: "EXP001" });
  expect(await objectText(store, HOUR_14)).toBe("from another life");
  expect(await listedEntries(db)).toEqual([]);
  await store.delete(HOUR_14);
  await platform.run();
  expect(await listedEntries(db)).toHaveLength(1);
});

test("08 §2.7: a commitment that the chain dropped is made again, and the entry names the block that holds it", async ({
  platform,
}) => {
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  let dropped: number | undefined;
  const forked = {
    ...platform.chain,
    setCommitment: async (...args: Parameters<typeof platform.chain.setCommitment>) => {
      const inclusion = await platform.chain.setCommitment(...args);
      if (dropped !== undefined) return inclusion;
      dropped = inclusion.block;
      await sql`delete from local_chain.commitments`.execute(platform.db);
      return inclusion;
    },
  };
  await platform.run({ sources: { chain: forked } });
  const [entry] = await listedEntries(platform.db);
  expect(entry?.block).toBeGreaterThan(dropped ?? Number.POSITIVE_INFINITY);
  const where = { netuid: 64, hotkey: HOTKEY, block: entry?.block ?? 0 };
  expect(await platform.chain.commitmentAt(where)).toEqual({ kind: "sha256", hex: entry?.sha256 });
});

test("without commitments every entry still has a final block of its own", async ({ platform }) => {
  let asked = 0;
  // Final blocks come slower than exports.
  const slow = {
    ...platform.chain,
    finalizedHead: async () => {
      asked += 1;
      return { ...(await platform.chain.finalizedHead()), number: 1000 + Math.floor(asked / 4) };
    },
  };
  const config = configWith({ audit: { commit: false } });
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  settled(platform, "2026-01-07T16:02:00Z");
  await platform.run({ sources: { config, chain: slow } });
  expect((await listedEntries(platform.db)).map((entry) => entry.block)).toEqual([1000, 1001, 1002]);
  expect(await platform.chain.latestCommitment(64, HOTKEY)).toBeUndefined();
});

test("a run that lost its lease publishes nothing", async ({ platform }) => {
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  const stealing = {
    ...platform.chain,
    setCommitment: async (...args: Parameters<typeof platform.chain.setCommitment>) => {
      const inclusion = await platform.chain.setCommitment(...args);
      await sql`update job_leases set fence = fence + 1`.execute(platform.db);
      return inclusion;
    },
  };
  await expect(platform.run({ sources: { chain: stealing } })).rejects.toMatchObject({ code: "JOB001" });
  expect(await listedEntries(platform.db)).toEqual([]);
  await sql`update job_leases set expires_at = now()`.execute(platform.db);
  await platform.run();
  const { rows } = await sql<{ calls: number }>`select sum(calls)::int as calls from local_chain.commitments`.execute(
    platform.db,
  );
  expect(rows).toEqual([{ calls: 1 }]);
});

test("what a crashed build left in staging goes after a day", async ({ platform }) => {
  const left = `audit/pending/${"ab".repeat(32)}/jobs.csv`;
  await platform.store.put(left, Buffer.from("x"), { contentType: "text/csv" });
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  const ofStore = (at: number) => new Date(Math.floor(at / 3_600_000) * 3_600_000 + 120_000);
  const { modifiedAt } = (await platform.store.head(left)) ?? { modifiedAt: new Date() };
  platform.now = ofStore(modifiedAt.getTime());
  const range = { from: new Date(platform.now.getTime() - 3_720_000) };
  await platform.run({ range });
  expect(await storedKeys(platform.store)).toContain(left);
  platform.now = ofStore(modifiedAt.getTime() + 26 * 3_600_000);
  await platform.run({ range: { to: ofStore(modifiedAt.getTime() + 3_600_000) } });
  expect(await storedKeys(platform.store)).not.toContain(left);
});

test("the report's scores are those of the closing time", async ({ platform }) => {
  await sql`insert into metagraph_nodes (netuid, hotkey, coldkey, checksum, node_id, synced_at) values
    (64, 'one', 'c1', '', 1, now()), (64, 'two', 'c2', '', 2, now())`.execute(platform.db);
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, activated_at, miner_uid, miner_hotkey, region, compute_multiplier)
    values ('i1', 'c', 'v', '2026-01-07 13:00+00', '2026-01-07 13:00+00', 1, 'one', 'n/a', 3),
           ('i2', 'c', 'v', '2026-01-07 13:00+00', '2026-01-07 13:00+00', 2, 'two', 'n/a', 1),
           ('i3', 'c', 'v', '2026-01-07 14:00+00', '2026-01-07 14:00+00', 2, 'two', 'n/a', 99)`.execute(platform.db);
  await platform.run();
  expect((await newestReport(platform)).scores).toEqual({
    profile: "instance-lifetime",
    as_of: "2026-01-07T14:00:00.000000",
    one_hotkey_per_coldkey: true,
    scores: { one: 0.75, two: 0.25 },
  });
});

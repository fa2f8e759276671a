import { expect, test } from "vitest";
import type { InvocationRow } from "../../../../../src/domain/scoring/invocation-row.js";
import { ByteInterner } from "../../../../../src/operator/verify/csv/byte-interner.js";
import { CountOnce } from "../../../../../src/operator/verify/csv/count-once.js";
import { ConfirmedReports } from "../../../../../src/operator/verify/csv/report-decoder.js";
import { countRows, scanInvocations, scanReports } from "../../../../../src/operator/verify/csv/scan-rows.js";
import { temporaryDir } from "../../../../fakes/export-world.js";

const signal = new AbortController().signal;
const HEADER =
  "parent_invocation_id,invocation_id,chute_id,miner_uid,miner_hotkey,started_at,completed_at,error_message,compute_multiplier,bounty,metrics";
const GOOD = "p1,i1,c1,3,5Alice,2026-01-07 14:00:00,2026-01-07 14:00:10,,4.0,0,";

async function rowsOf(lines: readonly string[], reports = new ConfirmedReports()) {
  await using dir = await temporaryDir();
  const path = await dir.write("x.csv", lines.map((line) => `${line}\r\n`).join(""));
  const rows: InvocationRow[] = [];
  const summary = await scanInvocations(path, { texts: new ByteInterner(), reports, signal, withChutes: true }, (row) =>
    rows.push({ ...row }),
  );
  return { rows, summary };
}

test("columns are found by name, unknown ones are ignored", async () => {
  const { rows } = await rowsOf([
    `new,miner_hotkey,${HEADER.replace("miner_hotkey,", "").replace(",bounty", "")}`,
    "x,5Alice,p1,i1,c1,3,2026-01-07 14:00:00,2026-01-07 14:00:10,,4.0,{'it': 7}",
  ]);
  expect(rows).toMatchObject([
    { hotkey: "5Alice", chuteId: "c1", minerUid: 3, computeMultiplier: 4, bounty: 0, it: 7 },
  ]);
});

test("a missing mandatory column is named, and no row is read", async () => {
  const { rows, summary } = await rowsOf([HEADER.replace(",started_at", "").replace("chute_id,", ""), GOOD]);
  expect(summary.missingColumns).toEqual(["chute_id", "started_at"]);
  expect(rows).toEqual([]);
  expect((await rowsOf([])).summary.missingColumns).toContain("miner_hotkey");
});

test.each([
  ["a field too few", GOOD.slice(0, -1)],
  ["a negative multiplier", GOOD.replace("4.0", "-4.0")],
  ["an infinite multiplier", GOOD.replace("4.0", "inf")],
  ["a NaN bounty", GOOD.replace(",0,", ",nan,")],
  ["a negative bounty", GOOD.replace(",0,", ",-1,")],
  ["an end before the start", GOOD.replace("14:00:10", "13:59:59")],
  ["a start that is no time", GOOD.replace("2026-01-07 14:00:00", "yesterday")],
  ["an end that is no time", GOOD.replace("2026-01-07 14:00:10", "soon")],
  ["no uid", GOOD.replace(",3,", ",,")],
  ["half a uid", GOOD.replace(",3,", ",3.5,")],
])("%s makes a bad row", async (_, line) => {
  const { rows, summary } = await rowsOf([HEADER, line, GOOD]);
  expect(summary).toMatchObject({ rows: 2, bad: 1 });
  expect(rows).toHaveLength(1);
});

test("an open row, a failed row and a cached row are all good rows", async () => {
  const { rows, summary } = await rowsOf([
    HEADER,
    GOOD.replace("2026-01-07 14:00:10", ""),
    GOOD.replace(",,4.0", ",RATE_LIMIT,4.0"),
    GOOD.replace(",3,", ",-1,"),
  ]);
  expect(summary.bad).toBe(0);
  expect(rows.map(({ completedAtUs, failed, minerUid }) => [Number.isNaN(completedAtUs), failed, minerUid])).toEqual([
    [true, false, 3],
    [false, true, 3],
    [false, false, -1],
  ]);
});

test("JSON metrics of any length lose their doubled quotes", async () => {
  const long = "x".repeat(5000);
  const { rows } = await rowsOf([HEADER, `${GOOD}"{""note"": ""${long}"", ""nc"": 2.5, ""p"": true}"`]);
  expect(rows[0]).toMatchObject({ nc: 2.5, isPrivate: true });
});

test("a confirmed report reaches exactly its invocation; the earliest confirmation counts", async () => {
  await using dir = await temporaryDir();
  const header = "invocation_id,user_id,timestamp,confirmed_at,confirmed_by,reason";
  const line = (id: string, confirmed: string) => `${id},u,2026-01-07 22:30:00+00:00,${confirmed},u,"wrong, quite"`;
  const lines = [
    header,
    line("p1", "2026-01-07 23:00:00+00:00"),
    line("p1", "2026-01-07 22:45:00+00:00"),
    line("p2", ""),
  ];
  const reports = new ConfirmedReports();
  const summary = await scanReports(await dir.write("r.csv", lines.join("\n")), reports, signal);
  expect(summary).toMatchObject({ rows: 3, bad: 0, missingColumns: [] });
  const { rows } = await rowsOf([HEADER, GOOD, GOOD.replace("p1", "p2"), GOOD.replace("p1", "p3")], reports);
  expect(rows.map(({ voidFromUs }) => voidFromUs)).toEqual([
    Date.parse("2026-01-07T22:45:00Z") * 1000,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
});

test("a report without a readable confirmation time is bad, a file without the columns says so", async () => {
  await using dir = await temporaryDir();
  const bad = await dir.write("r.csv", "invocation_id,confirmed_at\np1,later\np2\n");
  expect((await scanReports(bad, new ConfirmedReports(), signal)).bad).toBe(2);
  const other = await dir.write("o.csv", "a,b\n");
  expect((await scanReports(other, new ConfirmedReports(), signal)).missingColumns).toEqual([
    "invocation_id",
    "confirmed_at",
  ]);
  expect(await countRows(bad, signal)).toMatchObject({ rows: 2 });
});

test("the interner gives equal texts back, also after it has grown and past its bound of distinct values", () => {
  const texts = new ByteInterner();
  const ask = (text: string) => texts.textOf(Buffer.from(`<${text}>`), 1, text.length + 1);
  const words = Array.from({ length: 5000 }, (_, index) => `hotkey-${index}`);
  expect(words.map(ask)).toEqual(words);
  expect(words.toReversed().map(ask)).toEqual(words.toReversed());
});

const HOUR_US = 3_600_000_000;
const row = (startedHours: number, seconds: number): InvocationRow => ({
  ...({} as InvocationRow),
  startedAtUs: startedHours * HOUR_US,
  completedAtUs: startedHours * HOUR_US + seconds * 1_000_000,
});

test.each([
  ["inside one hour", row(10.5, 60), [10]],
  ["across the hour", row(10.999, 60), [11]],
  ["just under a day", row(10.5, 86_000), [34]],
  ["more than a day", row(10.5, 90_000), [10]],
  ["never ended", row(10.5, Number.NaN), []],
  ["ending exactly on the hour", row(10.5, 1800), [11]],
])("a row %s counts in exactly one file", (_, given, expected) => {
  const hours = new Set([9, 10, 11, 12, 33, 34, 35]);
  const counting = [...hours].filter((hour) => new CountOnce(hours).counts(given, hour));
  expect(counting).toEqual(expected);
});

test("where the file of its end is missing, the file of its start counts the row and the hour is flagged", () => {
  const once = new CountOnce(new Set([10]));
  expect(once.counts(row(10.999, 60), 10)).toBe(true);
  expect([...once.early]).toEqual([[11, 1]]);
});

import { describe, expect, test } from "vitest";
import type { ChainReader } from "../../../../../src/infra/chain/client.js";
import type { AuditedInstance, AuditReport } from "../../../../../src/operator/verify/audit-report.js";
import { driftOf, planAsOf, uncoveredHours } from "../../../../../src/operator/verify/checks/as-of.js";
import { CheckBook } from "../../../../../src/operator/verify/checks/check-book.js";
import { checkWindows, type ReportedWindow } from "../../../../../src/operator/verify/checks/check-windows.js";
import { InstanceMerger } from "../../../../../src/operator/verify/checks/instance-book.js";
import type { ChainSubject } from "../../../../../src/operator/verify/checks/subject.js";
import type { CheckId } from "../../../../../src/operator/verify/report.js";

const hour = (value: number) => new Date(Date.UTC(2026, 0, 7, value));
const messages = (book: CheckBook, id: CheckId) =>
  book
    .results()
    .find((check) => check.id === id)
    ?.details.map(({ finding, message }) => `${finding}: ${message}`);

describe("V01", () => {
  const window = (start: number, change: Partial<ReportedWindow> = {}): ReportedWindow => ({
    name: `hour ${start}`,
    start: hour(start),
    end: hour(start + 1),
    closedAt: null,
    block: start * 300,
    blockTime: new Date(hour(start + 1).getTime() + 90_000),
    ...change,
  });
  const judge = (windows: ReportedWindow[], from = 10, to = 13) => {
    const book = new CheckBook();
    const missing = checkWindows(windows, { from: hour(from), to: hour(to) }, book);
    return { missing, found: messages(book, "V01"), verdict: book.verdict() };
  };

  test("contiguous hours with growing blocks are fine", () => {
    expect(judge([10, 11, 12].map((start) => window(start)))).toEqual({ missing: [], found: [], verdict: "ok" });
  });

  test("every hour without a report is listed by its end", () => {
    expect(judge([window(11)]).missing).toEqual([hour(11), hour(13)]);
    expect(judge([]).found).toHaveLength(3);
  });

  test.each([
    ["a window of two hours", window(11, { end: hour(13) }), "not one full hour"],
    [
      "a window beside the hour",
      window(11, { start: new Date(hour(11).getTime() + 1), end: new Date(hour(12).getTime() + 1) }),
      "not one full hour",
    ],
    ["a block that is not above the one before", window(11, { block: 3000 }), "not above block 3000"],
    ["a block older than its hour", window(11, { blockTime: hour(11) }), "older than the end"],
  ])("%s is incomplete", (_, second, text) => {
    const { found, verdict } = judge([window(10), second], 10, 12);
    expect(found?.[0]).toContain(text);
    expect(verdict).toBe("incomplete");
  });

  test("an hour that was closed early or committed late is a warning", () => {
    const early = window(11, {
      closedAt: new Date(hour(11).getTime() + 60_000),
      blockTime: new Date(hour(11).getTime() + 70_000),
    });
    const late = window(12, { blockTime: hour(20) });
    expect(judge([window(10), early, late])).toMatchObject({
      verdict: "warning",
      found: [
        "warning: was exported at 2026-01-07T11:01:00.000Z, before its end",
        "warning: was committed in block 3600, more than an hour after its end",
      ],
    });
  });
});

const instance: AuditedInstance = {
  instanceId: "i1",
  chuteId: "c1",
  hotkey: "5Alice",
  minerUid: 3,
  createdAt: hour(10),
  verifiedAt: hour(10),
  activatedAt: hour(11),
  deletedAt: null,
  deletionReason: null,
  validTermination: null,
  isBilled: false,
  stopBillingAt: null,
  computeMultiplier: 1,
  bounty: false,
};
const interval = { instanceId: "i1", computeMultiplier: 1, startedAt: hour(11), endedAt: null };

function report(change: Partial<AuditReport>): { name: string; report: AuditReport } {
  const empty = { instances: [], hasHistory: true, history: [], csvExports: [], problems: [] };
  return { name: "report", report: { ...empty, window: undefined, published: undefined, ...change } };
}

describe("V07", () => {
  const merge = (...reports: Partial<AuditReport>[]) => {
    const book = new CheckBook();
    const merger = new InstanceMerger(book);
    for (const { name, report: one } of reports.map(report)) merger.add(name, one);
    return { ...merger.finish(), found: messages(book, "V07") };
  };

  test("fields that were empty may be filled, and the latest row counts", () => {
    const deleted = { ...instance, deletedAt: hour(12), deletionReason: "gone" };
    const first = { ...instance, activatedAt: null };
    const { instances, history, found } = merge(
      { instances: [first], history: [interval] },
      { instances: [instance] },
      { instances: [deleted], history: [{ ...interval, endedAt: hour(12) }] },
      { instances: [] },
    );
    expect(found).toEqual([]);
    expect(instances).toEqual([deleted]);
    expect(history.get("i1")).toEqual([{ ...interval, endedAt: hour(12) }]);
  });

  test.each([
    ["created_at", { createdAt: hour(9) }],
    ["activated_at", { activatedAt: hour(10) }],
    ["activated_at", { activatedAt: null }],
    ["miner_hotkey", { hotkey: "5Bob" }],
    ["chute_id", { chuteId: "c2" }],
  ])("08 §11.18: a changed %s is a violation", (field, change) => {
    const { found } = merge({ instances: [instance] }, { instances: [{ ...instance, ...change }] });
    expect(found).toEqual([`violation: ${field} differs from an earlier report`]);
  });

  test("08 §11.18: a deletion that moves or is taken back is a violation, and the deletion stays", () => {
    const deleted = { ...instance, deletedAt: hour(12) };
    const moved = merge({ instances: [deleted] }, { instances: [{ ...deleted, deletedAt: hour(13) }] });
    expect(moved.found).toHaveLength(1);
    const revived = merge({ instances: [deleted] }, { instances: [instance] });
    expect(revived.found).toHaveLength(1);
    expect(revived.instances[0]?.deletedAt).toEqual(hour(12));
  });

  test("a multiplier or an end that changes later is a violation, and the first one stays", () => {
    const ended = { ...interval, endedAt: hour(12) };
    for (const later of [{ ...interval, computeMultiplier: 9 }, { ...ended, endedAt: hour(13) }, interval]) {
      const { found, history } = merge({ history: [ended] }, { history: [later] });
      expect(found).toHaveLength(1);
      expect(history.get("i1")).toEqual([ended]);
    }
  });
});

describe("as-of", () => {
  const chain = {
    blockAt: async (number: number) => ({ number, hash: "0x", time: new Date(number * 12_000) }),
  } as unknown as ChainReader;
  const subject = (commitReveal: boolean, lastUpdateBlock = 1_000_000) =>
    ({
      neuron: { lastUpdateBlock },
      weights: [{ uid: 1, value: 1 }],
      rules: { commitReveal },
    }) as unknown as ChainSubject;
  const context = { wanted: "auto" as const, chain, subject: undefined, reports: [], now: hour(1) };

  test("tries the half hour before the last update, and the block after it", async () => {
    const plan = await planAsOf({ ...context, subject: subject(false) });
    const seconds = plan.candidates.map((time) => (1_000_000 * 12_000 - time.getTime()) / 1000);
    expect(seconds).toEqual([0, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, -12]);
    expect(plan).toMatchObject({ method: "last_update", block: 1_000_000 });
  });

  test("with commit-reveal it tries points of the two epochs before", async () => {
    const plan = await planAsOf({ ...context, subject: subject(true) });
    expect(plan.method).toBe("epoch_range");
    expect(plan.candidates).toHaveLength(12);
    expect(Math.min(...plan.candidates.map((time) => time.getTime()))).toBe((1_000_000 - 720) * 12_000);
  });

  test("a time or a block is taken as given; a block that cannot be read is an error", async () => {
    expect(await planAsOf({ ...context, wanted: hour(5) })).toMatchObject({ method: "given", candidates: [hour(5)] });
    expect(await planAsOf({ ...context, wanted: 100 })).toMatchObject({
      candidates: [new Date(1_200_000)],
      block: 100,
    });
    await expect(planAsOf({ ...context, chain: undefined, wanted: 100 })).rejects.toThrow("block 100 cannot be read");
  });

  test("without weights the newest published scores, else the newest window, else now", async () => {
    const published = {
      profile: "instance-lifetime",
      asOf: hour(12),
      oneHotkeyPerColdkey: true,
      scores: new Map(),
    } as const;
    const reports = [
      { ...report({ published }), start: hour(11), end: hour(12) },
      { ...report({}), start: hour(12), end: hour(13) },
    ];
    expect(await planAsOf({ ...context, reports })).toMatchObject({ method: "published", candidates: [hour(12)] });
    expect(await planAsOf({ ...context, reports: reports.slice(1) })).toMatchObject({
      method: "window_end",
      candidates: [hour(13)],
    });
    expect(await planAsOf({ ...context, subject: subject(false, 0) })).toMatchObject({ method: "now" });
  });

  test("drift grows with uncovered time and shrinks with history, at most a week of it", () => {
    expect(driftOf(0, 100)).toBe(0);
    expect(driftOf(1, 1000)).toBeCloseTo(2 / 168, 12);
    expect(driftOf(1, 10)).toBeCloseTo(0.2, 12);
    const window = { start: hour(11), end: hour(12), closedAt: hour(11.5), rows: {}, bytes: {} };
    expect(uncoveredHours([{ ...report({ window }), start: hour(11), end: hour(12) }], hour(13))).toBe(2);
    expect(uncoveredHours([], hour(13))).toBe(0);
  });
});

test("the book counts everything, keeps at most 1000 details, and the worst finding is the verdict", () => {
  const book = new CheckBook();
  expect(book.verdict()).toBe("ok");
  for (let index = 0; index < 1005; index += 1) book.found("V05", "warning", { subject: String(index), message: "m" });
  book.ok("V05", 3);
  expect(book.verdict()).toBe("warning");
  book.found("V01", "incomplete", { subject: "s", message: "m" });
  book.found("V09", "mismatch", { subject: "s", message: "m" });
  expect(book.verdict()).toBe("mismatch");
  const results = new Map(book.results().map((check) => [check.id, check]));
  expect(results.get("V05")).toMatchObject({ status: "warn", truncated: 5, counts: { ok: 3, warning: 1005 } });
  expect(results.get("V05")?.details).toHaveLength(1000);
  expect([results.get("V01")?.status, results.get("V09")?.status, results.get("V02")?.status]).toEqual([
    "fail",
    "fail",
    "skip",
  ]);
});

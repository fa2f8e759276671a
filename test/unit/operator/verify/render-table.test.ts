import { expect, test } from "vitest";
import { renderTable } from "../../../../src/operator/verify/render-table.js";
import { exitCodeOf, type Verdict, type VerifyReport } from "../../../../src/operator/verify/report.js";

const report: VerifyReport = {
  schema: "chutes-verify/1",
  verdict: "violation",
  subject: { api: "https://api.example.org", hotkey: "5Validator", netuid: 64, uid: 17 },
  window: { from: "2026-01-01T00:00:00.000Z", to: "2026-01-08T00:00:00.000Z", hours: 168, missing: [] },
  as_of: { time: "2026-01-08T00:00:00.000Z", block: 7_000_000, method: "last_update", tv_distance: 0.0003 },
  profile: "instance-lifetime",
  totals: { files: 336, bytes: 1000, rows: 10, bad_rows: 0, instances: 2, seconds: 1.25 },
  checks: [
    { id: "V03", title: "reports committed on chain", status: "ok", counts: { ok: 168 }, notes: [], details: [] },
    {
      id: "V04",
      title: "file hashes",
      status: "fail",
      counts: { ok: 1, violation: 12 },
      notes: [],
      details: Array.from({ length: 12 }, (_, index) => ({
        finding: "violation" as const,
        subject: `${index}.csv\u001b[31m`,
        message: "SHA-256 is\nwrong",
      })),
    },
    { id: "V09", title: "weights on chain", status: "skip", counts: {}, notes: ["offline"], details: [] },
  ],
  miners: [
    {
      uid: 3,
      hotkey: "5A",
      expected: 0.25,
      onchain: 0.25,
      published: null,
      incentive: null,
      diff: 0,
      bound: 0.001,
      status: "ok",
      figures: {},
    },
    {
      uid: 5,
      hotkey: "5B",
      expected: 0.75,
      onchain: 0.7,
      published: null,
      incentive: null,
      diff: -0.05,
      bound: 0.001,
      status: "fail",
      figures: {},
    },
  ],
};

test("shows subject, every check with its mark, a few details, the largest differences first, and the verdict", () => {
  const text = renderTable(report);
  expect(text).toContain("https://api.example.org: 5Validator on netuid 64, uid 17");
  expect(text).toContain("✔ V03 reports committed on chain: 168 ok");
  expect(text).toContain("✘ V04 file hashes: 1 ok, 12 violation");
  expect(text).toContain("and 2 more");
  expect(text).toContain("- V09 weights on chain: offline");
  expect(text.indexOf("5B")).toBeLessThan(text.indexOf("5A"));
  expect(text.trimEnd().endsWith("verdict: violation")).toBe(true);
});

test("remote text cannot steer the terminal; color and width are the caller's choice", () => {
  expect(renderTable(report)).not.toMatch(/\u001b|SHA-256 is\n/);
  const narrow = renderTable(report, { width: 40 });
  expect(narrow.split("\n").every((line) => line.length <= 40)).toBe(true);
});

test.each([
  ["ok", 0, 0],
  ["warning", 0, 3],
  ["violation", 3, 3],
  ["mismatch", 3, 3],
  ["incomplete", 4, 4],
  ["unverifiable", 4, 4],
] as [Verdict, number, number][])("the verdict %s exits %i, strictly %i", (verdict, plain, strict) => {
  expect(exitCodeOf({ ...report, verdict })).toBe(plain);
  expect(exitCodeOf({ ...report, verdict }, { strict: true })).toBe(strict);
});

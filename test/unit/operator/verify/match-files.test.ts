import { expect, test } from "vitest";
import type { ExportKind } from "../../../../src/operator/verify/audit-report.js";
import { endOfPath, nameFit, nameOfExport } from "../../../../src/operator/verify/match-files.js";

const item = (path: string, kind: ExportKind = "invocations") => ({ kind, path, sha256: "0".repeat(64) });

test.each([
  ["invocations/2026/01/07/14.csv", "invocations", "2026-01-07T14:00:00.000Z"],
  ["invocations/2026/1/8/0.csv", "invocations", "2026-01-08T00:00:00.000Z"],
  ["invocations/2026/01/07/14-reports.csv", "reports", "2026-01-07T14:00:00.000Z"],
  ["invocations/2026/01/07/14-jobs.csv", "jobs", "2026-01-07T14:00:00.000Z"],
] as const)("%s is the %s of the hour until %s", (path, kind, end) => {
  expect(endOfPath(item(path, kind))?.toISOString()).toBe(end);
});

test.each([
  ["../../etc/passwd", "invocations"],
  ["/invocations/2026/01/07/14.csv", "invocations"],
  ["invocations/../2026/01/07/14.csv", "invocations"],
  ["invocations/2026/02/30/14.csv", "invocations"],
  ["invocations/2026/01/07/24.csv", "invocations"],
  ["invocations/2026/01/07/14-reports.csv", "invocations"],
  ["invocations/2026/01/07/14.csv", "jobs"],
  ["invocations/2026/01/07/14.csv\n", "invocations"],
  ["invocations/2026/01/07/14.csv?x=1", "invocations"],
] as const)("%j is refused as %s", (path, kind) => {
  expect(endOfPath(item(path, kind))).toBeUndefined();
});

test.each([
  ["/data/2026/01/07/14.csv", 3],
  ["2026/01/07/14.csv", 3],
  ["C:\\data\\2026\\01\\07\\14.csv", 3],
  ["/data/2026-01-07-14.csv", 2],
  ["14.csv", 1],
  ["/data/114.csv", 0],
  ["copy.csv", 0],
])("%s fits with %i", (path, fit) => {
  expect(nameFit(path, item("invocations/2026/01/07/14.csv"))).toBe(fit);
});

test("an export is called by its date and hour", () => {
  expect(nameOfExport(item("invocations/2026/01/07/14.csv"))).toBe("2026/01/07/14.csv");
});

import { expect, test } from "vitest";
import { auditReportBytes, exportPath, reportPath } from "../../../../src/domain/audit/audit-report.js";
import { pseudonym, pseudonymousReport, pseudonymousRow } from "../../../../src/domain/audit/pseudonym.js";

const END = new Date("2026-01-07T14:00:00Z");
const FILE = {
  kind: "invocations",
  path: exportPath(END, "invocations"),
  sha256: "ab",
  sizeBytes: 7,
  rowCount: 2,
} as const;

test("08 §2.6: keys stand in a fixed order without white space", () => {
  const bytes = auditReportBytes({
    netuid: 64,
    start: new Date("2026-01-07T13:00:00Z"),
    end: END,
    closedAt: END,
    files: [FILE],
    instanceAudit: [{ instance_id: "i", compute_multiplier: 4, deleted_at: null, bounty: false }],
    computeHistory: [],
    scores: {
      profile: "p",
      asOf: END,
      oneHotkeyPerColdkey: true,
      scores: new Map([
        ["b", 0.25],
        ["a", 0.75],
      ]),
    },
  });
  expect(bytes.toString()).toBe(
    '{"instance_audit":[{"instance_id":"i","compute_multiplier":4,"deleted_at":null,"bounty":false}],"compute_history":[],' +
      '"csv_exports":{"invocations":{"path":"invocations/2026/01/07/14.csv","sha256":"ab"}},' +
      '"export":{"version":1,"netuid":64,"start_time":"2026-01-07T13:00:00.000000","end_time":"2026-01-07T14:00:00.000000",' +
      '"closed_at":null,"rows":{"invocations":2},"bytes":{"invocations":7}},' +
      '"scores":{"profile":"p","as_of":"2026-01-07T14:00:00.000000","one_hotkey_per_coldkey":true,"scores":{"a":0.75,"b":0.25}}}',
  );
});

test("08 §2.1: files are named after the hour at which they end", () => {
  expect(exportPath(new Date("2026-01-08T00:00:00Z"), "jobs")).toBe("invocations/2026/01/08/00-jobs.csv");
  expect(reportPath("validator", "5Hot", 12)).toBe("audit/validator/5Hot/12.json");
});

test("08 §2.6: a pseudonym is a keyed hash that tells users apart and names nobody", () => {
  expect(pseudonym("user-1", "key")).toBe("u_8a32e68074948afd");
  expect(pseudonym("user-1", "other")).not.toBe(pseudonym("user-1", "key"));
  expect(pseudonymousRow({ billed_to: null }, "key")).toEqual({ billed_to: null });
  expect(pseudonymousRow({ billed_to: "user-1" }, undefined)).toEqual({ billed_to: "user-1" });
  const report = {
    invocation_id: "p",
    user_id: "user-1",
    timestamp: "t",
    confirmed_at: null,
    confirmed_by: null,
    reason: "words",
  };
  expect(pseudonymousReport(report, "key")).toEqual({
    ...report,
    user_id: "u_8a32e68074948afd",
    reason: "user report",
  });
  expect(pseudonymousReport(report, undefined)).toBe(report);
});

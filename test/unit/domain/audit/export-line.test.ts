import { expect, test } from "vitest";
import {
  type ExportInvocation,
  type ExportReport,
  invocationLine,
  recentLine,
  reportLine,
} from "../../../../src/domain/audit/export-line.js";
import { INVOCATION_COLUMNS, RECENT_COLUMNS, REPORT_COLUMNS } from "../../../../src/wire/invocation-csv.js";

const CALL: ExportInvocation = {
  parent_invocation_id: "p",
  invocation_id: "i",
  chute_id: "c",
  chute_user_id: "cu",
  function_name: "f",
  image_id: "im",
  image_user_id: "iu",
  instance_id: "in",
  miner_uid: 3,
  miner_hotkey: "hk",
  started_at: "2026-01-07 14:00:00.000000",
  completed_at: "2026-01-07 14:00:00.120000",
  error_message: null,
  compute_multiplier: 4,
  bounty: 0,
  metrics: { it: 1, nc: 2 },
};

const REPORT: ExportReport = {
  invocation_id: "p",
  user_id: "u",
  timestamp: "2026-01-07 22:30:00.000000",
  confirmed_at: null,
  confirmed_by: null,
  reason: "wrong, answer",
};

test("08 §2.4: a zero fraction is left out, another always has six digits", () => {
  expect(invocationLine(CALL)).toBe(
    "p,i,c,cu,f,im,iu,in,3,hk,2026-01-07 14:00:00,2026-01-07 14:00:00.120000,,4.0,0,\"{'it': 1, 'nc': 2.0}\"\r\n",
  );
});

test("lines have as many fields as their columns", () => {
  const plain = { ...CALL, metrics: null };
  expect(invocationLine(plain).split(",")).toHaveLength(INVOCATION_COLUMNS.length);
  expect(recentLine(plain).split(",")).toHaveLength(RECENT_COLUMNS.length);
  expect(invocationLine(plain)).toBe(`p,${recentLine(plain)}`);
  expect(reportLine({ ...REPORT, reason: "x" }).split(",")).toHaveLength(REPORT_COLUMNS.length);
});

test("08 §2.3: times of reports carry their zone, and the reason is never empty", () => {
  expect(reportLine(REPORT)).toBe('p,u,2026-01-07 22:30:00+00:00,,,"wrong, answer"\r\n');
  const confirmed = { ...REPORT, confirmed_at: "2026-01-07 23:00:00.500000", confirmed_by: "o", reason: "" };
  expect(reportLine(confirmed)).toBe(
    "p,u,2026-01-07 22:30:00+00:00,2026-01-07 23:00:00.500000+00:00,o,unspecified\r\n",
  );
});

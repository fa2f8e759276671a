import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { expect, test } from "vitest";
import { csvLine, pythonFloat } from "../../src/wire/csv.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { auditEntryId } from "../../src/wire/ids.js";
import {
  INVOCATION_COLUMNS,
  JOB_COLUMNS,
  metricsField,
  RECENT_COLUMNS,
  REPORT_COLUMNS,
} from "../../src/wire/invocation-csv.js";
import { parsePythonLiteral } from "../../src/wire/python.js";
import { csvOffsetTimestamp, csvTimestamp } from "../../src/wire/timestamps.js";

const read = (name: string) => readFile(new URL(`../vectors/${name}`, import.meta.url));

function rowsOf(csv: Buffer): Record<string, string>[] {
  return parse(csv, { columns: true, record_delimiter: "\r\n" });
}

/** Reads a field as its column's type and writes it again. */
function rewrite(column: string, text: string): string {
  if (text === "") return "";
  if (column === "metrics") return metricsField(Object(parsePythonLiteral(text)));
  if (column === "compute_multiplier") return pythonFloat(Number(text));
  if (column === "started_at" || column === "completed_at") return csvTimestamp(new Date(`${text}Z`));
  if (column === "timestamp" || column === "confirmed_at") return csvOffsetTimestamp(new Date(text));
  return text;
}

function rebuild(columns: readonly string[], rows: readonly Record<string, string>[]): string {
  const lines = rows.map((row) => csvLine(columns.map((column) => rewrite(column, row[column] ?? ""))));
  return csvLine(columns) + lines.join("");
}

test("08 §9.1: the invocations file is reproduced byte for byte", async () => {
  const bytes = await read("08-invocations.csv");
  expect(bytes).toHaveLength(6220);
  expect(sha256Hex(bytes)).toBe("0e832ac0a9bc3e0aab5c9ec36cd76cfc8b87802cd5cde47b0d39544907955218");
  const rows = rowsOf(bytes);
  expect(rows).toHaveLength(15);
  expect(rebuild(INVOCATION_COLUMNS, rows)).toBe(bytes.toString("utf8"));
});

test("08 §9.2: the reports file is reproduced byte for byte", async () => {
  const bytes = await read("08-reports.csv");
  expect(sha256Hex(bytes)).toBe("86750a436c01c497ea5a3d5dfcc1f85b7abebb3e71a06f0a0e470cb741074067");
  expect(rebuild(REPORT_COLUMNS, rowsOf(bytes))).toBe(bytes.toString("utf8"));
});

test("08 §9.3: hash of the audit report", async () => {
  const bytes = await read("08-audit.json");
  expect(bytes).toHaveLength(8241);
  expect(sha256Hex(bytes)).toBe("92b1ddf9d4189fe55c79d85ec48ca84eb50b1d45c243261bf4ab1b3f11bab903");
});

test("08 §2.3: column orders", () => {
  expect(INVOCATION_COLUMNS.join(", ")).toBe(
    "parent_invocation_id, invocation_id, chute_id, chute_user_id, function_name, image_id, image_user_id, instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message, compute_multiplier, bounty, metrics",
  );
  expect(JOB_COLUMNS.join(", ")).toBe(
    "job_id, chute_id, version, chutes_version, method, miner_uid, miner_hotkey, miner_coldkey, instance_id, created_at, updated_at, started_at, finished_at, status, compute_multiplier, miner_terminated",
  );
  expect(["parent_invocation_id", ...RECENT_COLUMNS]).toEqual([...INVOCATION_COLUMNS]);
});

test.each([
  ["4", "4.0"],
  ["0.05555555555555555", "0.05555555555555555"],
  ["1e-7", "1e-07"],
])("08 §2.4: float %s is written %s", (value, text) => {
  expect(pythonFloat(Number(value))).toBe(text);
});

test("08 §2.7: audit entry id", () => {
  expect(auditEntryId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", 7000000)).toBe(
    "76914e97-af3a-5273-96af-3494081256c9",
  );
});

import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAuditReport } from "../../../../src/operator/verify/audit-report.js";
import { gpuCountsOf, metagraphOf } from "../../../../src/operator/verify/evidence.js";

const read = (value: unknown) => readAuditReport(Buffer.from(JSON.stringify(value)));

test("the vector report reads whole", async () => {
  const report = readAuditReport(await readFile(new URL("../../../vectors/08-audit.json", import.meta.url)));
  expect(report?.problems).toEqual([]);
  expect(report?.instances).toHaveLength(9);
  expect(report?.history).toHaveLength(17);
  expect(report?.csvExports.map(({ kind }) => kind)).toEqual(["invocations", "reports"]);
  expect(report?.instances[2]).toMatchObject({ minerUid: 3, isBilled: true, computeMultiplier: 2 });
});

test("any JSON reads without an exception, and what cannot be used is a problem", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (rows, history, exports) => {
      const report = read({
        instance_audit: [rows],
        compute_history: [history],
        csv_exports: exports,
        export: rows,
        scores: rows,
      });
      expect(report).toBeDefined();
      const used = (report?.instances.length ?? 0) + (report?.history.length ?? 0);
      expect(used + (report?.problems.length ?? 0)).toBeGreaterThanOrEqual(2);
    }),
  );
});

test.each(["", "[]", "null", "{", "\ufffd"])("%j is not a report", (text) => {
  expect(readAuditReport(Buffer.from(text))).toBeUndefined();
});

test("bytes that are not UTF-8 are not a report", () => {
  expect(readAuditReport(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toBeUndefined();
});

test("negative multipliers, hashes of the wrong form and scores of unknown rules are left out and told", () => {
  const history = [{ instance_id: "i", compute_multiplier: -1, started_at: "2026-01-07T12:00:00" }];
  const csv_exports = { invocations: { path: "invocations/x", sha256: "ABC" } };
  const scores = { profile: "constructor", as_of: "2026-01-07T12:00:00", scores: {} };
  const report = read({ instance_audit: [], compute_history: history, csv_exports, scores });
  expect(report).toMatchObject({ history: [], csvExports: [], published: undefined });
  expect(report?.problems).toEqual([
    "scores cannot be read",
    "compute_history[0] cannot be read",
    "csv_exports.invocations has no path and SHA-256",
  ]);
});

test("lists of an API read by their keys, rows without them are skipped, other values are no lists", () => {
  expect(
    metagraphOf([{ hotkey: "5A", coldkey: "c", node_id: 3, blacklist_reason: "why" }, { hotkey: "5B" }, 7]),
  ).toEqual([{ uid: 3, hotkey: "5A", coldkey: "c", blacklistReason: "why" }]);
  expect(gpuCountsOf([{ chute_id: "c", gpu_count: 8 }, { chute_id: "d" }])).toEqual(new Map([["c", 8]]));
  expect([metagraphOf({}), gpuCountsOf("x"), metagraphOf(undefined)]).toEqual([undefined, undefined, undefined]);
});

import { expect } from "vitest";
import { fileReport } from "../../../src/domain/invocations/report-repository.js";
import { loadConfig } from "../../../src/kernel/config/load.js";
import { confirmReport } from "../../../src/operator/reports/confirm-report.js";
import { test } from "../../support/fixtures.js";
import { givenCaller } from "../../support/gateway-api.js";
import { attemptOf, settle } from "../../support/invocation-rows.js";

const NOW = new Date("2026-01-07T12:30:00Z");

test("04 §12.7: an operator confirms a report once, in the name of the platform", async ({ db, databaseUrl, log }) => {
  const platform = await givenCaller(db, { username: "chutes" });
  const call = attemptOf("caller");
  const invocationId = call.parentInvocationId;
  await settle(db, [call]);
  const config = loadConfig({ env: {}, overrides: { environment: "dev", postgres: { url: databaseUrl } } });
  const confirm = (now: Date, dryRun = false) =>
    confirmReport({ config, log, now: () => now, signal: new AbortController().signal }, { invocationId, dryRun });
  await expect(confirm(NOW)).rejects.toMatchObject({ kind: "not_found" });
  expect(await fileReport(db, { invocationId, userId: "caller", reason: "bad", now: NOW })).toBe("filed");
  expect(await confirm(new Date(0), true)).toBe(true);
  expect(await confirm(NOW)).toBe(true);
  expect(await confirm(new Date(NOW.getTime() + 1000))).toBe(false);
  expect(await db.selectFrom("reports").selectAll().execute()).toMatchObject([
    { invocation_id: invocationId, confirmed_at: NOW, confirmed_by: platform.userId },
  ]);
});

import { expect, onTestFinished } from "vitest";
import { createHttpServer } from "../../../src/infra/http-server/server.js";
import { exportRetentionJob } from "../../../src/jobs/export-retention-job.js";
import { createLogger } from "../../../src/kernel/logger.js";
import { auditRoutes } from "../../../src/services/api/routes/audit-routes.js";
import { exportRoutes } from "../../../src/services/api/routes/export-routes.js";
import {
  type ExportPlatform,
  givenInvocations,
  listedEntries,
  storedKeys,
  exportTest as test,
} from "../../support/exports.js";

const HOUR = "/invocations/exports/2026/01/07/14.csv";

async function statusOf(platform: ExportPlatform, url: string): Promise<number> {
  const log = createLogger({ level: "fatal", secrets: [] });
  const app = createHttpServer({ log, maxBodyBytes: 1024, trustedProxies: "" });
  onTestFinished(() => app.close());
  const deps = { db: platform.db, store: platform.store, now: () => platform.now };
  await app.register(exportRoutes, deps);
  await app.register(auditRoutes, deps);
  return (await app.inject(url)).statusCode;
}

async function givenTwoHours(platform: ExportPlatform): Promise<void> {
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  platform.now = new Date("2026-01-07T15:02:00Z");
  await platform.run();
}

test("08 §2.8: an hour past its retention is gone: objects, index entry, and 410 for its files", async ({
  platform,
}) => {
  await givenTwoHours(platform);
  const [first, second] = await listedEntries(platform.db);
  platform.now = new Date("2026-04-07T14:30:00Z");
  expect(await platform.runJob(exportRetentionJob(platform.sources))).toEqual({ items: 1 });
  expect(await listedEntries(platform.db)).toEqual([second]);
  const left = await storedKeys(platform.store);
  expect(left.filter((key) => key.includes("/14"))).toEqual([]);
  expect(left).toContain("invocations/2026/01/07/15.csv");
  expect(left).not.toContain(first?.path);
  expect(await statusOf(platform, HOUR)).toBe(410);
  expect(await statusOf(platform, "/invocations/exports/2026/01/07/15-jobs.csv")).toBe(200);
  expect(await statusOf(platform, `/audit/download?path=${first?.path}`)).toBe(404);
  expect(await statusOf(platform, "/audit/download?path=invocations/2026/01/07/14.csv")).toBe(404);
  expect(await platform.runJob(exportRetentionJob(platform.sources))).toEqual({ items: 0 });
});

test("a retention run that dies in between is finished by the next one, and exported hours stay exported", async ({
  platform,
}) => {
  await givenTwoHours(platform);
  platform.now = new Date("2026-04-08T14:30:00Z");
  let deletions = 0;
  const dying = {
    ...platform.sources,
    store: Object.assign(Object.create(platform.store) as typeof platform.store, {
      delete: async (key: string) => {
        deletions += 1;
        if (deletions === 3) throw new Error("killed");
        await platform.store.delete(key);
      },
    }),
  };
  await expect(platform.runJob(exportRetentionJob(dying))).rejects.toThrow("killed");
  expect(await listedEntries(platform.db)).toHaveLength(2);
  expect(await platform.runJob(exportRetentionJob(platform.sources))).toEqual({ items: 2 });
  expect(await storedKeys(platform.store)).toEqual([]);
  platform.now = new Date("2026-01-07T15:03:00Z");
  expect((await platform.run()).items).toBe(0);
});

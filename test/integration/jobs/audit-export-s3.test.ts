import { expect, onTestFinished } from "vitest";
import { openObjectStore } from "../../../src/infra/object-store/open.js";
import {
  givenInvocations,
  listedEntries,
  objectText,
  sha256,
  storedKeys,
  exportTest as test,
} from "../../support/exports.js";
import { startS3Server } from "../../support/s3-server.js";

test("an export to S3 leaves the same objects as one to files", async ({ platform }) => {
  const server = await startS3Server("exports");
  onTestFinished(() => server.close());
  const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
  const store = await openObjectStore({
    url: "s3://exports/validator",
    endpoint: server.endpoint,
    region: "us-east-1",
    ...credentials,
  });
  await givenInvocations(platform.db, [{ startedAt: "2026-01-07 13:10:00", completedAt: "2026-01-07 13:10:01" }]);
  await platform.run({ range: { closeNow: true }, sources: { store } });
  platform.now = new Date("2026-01-07T15:02:00Z");
  await platform.run({ sources: { store } });
  const entries = await listedEntries(platform.db);
  expect(entries).toHaveLength(2);
  for (const { path, sha256: hash } of entries) expect(sha256(await objectText(store, path))).toBe(hash);
  expect(await storedKeys(store)).toEqual(
    [
      ...entries.map(({ path }) => path),
      "invocations/2026/01/07/14-jobs.csv",
      "invocations/2026/01/07/14-reports.csv",
      "invocations/2026/01/07/14.csv",
      "invocations/2026/01/07/15-jobs.csv",
      "invocations/2026/01/07/15-reports.csv",
      "invocations/2026/01/07/15.csv",
    ].sort(),
  );
});

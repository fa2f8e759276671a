import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import { patchChutesOfImage } from "../../../src/domain/chutes/chute-patch.js";
import { pauseSeconds } from "../../../src/domain/chutes/rolling-update.js";
import { startRollingUpdate } from "../../../src/domain/chutes/rolling-update-repository.js";
import { bindInstance } from "../../../src/domain/instances/binding-repository.js";
import { launchChute } from "../../../src/domain/instances/launch-repository.js";
import type { Db } from "../../../src/infra/postgres/client.js";
import { runJobOnce } from "../../../src/jobs/job-runner.js";
import { takeLease } from "../../../src/jobs/lease.js";
import { rollingUpdateJob } from "../../../src/jobs/rolling-update-job.js";
import type { Logger } from "../../../src/kernel/logger.js";
import { createMetrics } from "../../../src/kernel/metrics.js";
import { test } from "../../support/fixtures.js";
import { givenChute, givenGpu, givenInstance, outboxOf } from "../../support/miner-builders.js";

const START = new Date("2026-01-07T12:00:00Z");
/** One instance a minute, so that a run does not stay for the next. */
const PACE = { seconds: 60, maxPauseSeconds: 60 };
const after = (seconds: number) => new Date(START.getTime() + seconds * 1000);

const HOTKEYS = ["5Alpha", "5Alpha", "5Beta"];

/** A chute whose three instances are to be replaced. */
async function givenUpdate(db: Db, { pause = 60, sameVersion = false } = {}): Promise<void> {
  await givenChute(db, { chuteId: "c1" });
  for (const [index, hotkey] of HOTKEYS.entries())
    await givenInstance(db, { instanceId: `i-${index}`, chuteId: "c1", hotkey, port: 31_000 + index });
  const newVersion = sameVersion ? "v1" : "v2";
  await db.updateTable("chutes").set({ version: newVersion }).execute();
  await begin(db, { newVersion, pause });
}

function begin(db: Db, { newVersion, pause }: { newVersion: string; pause: number }): Promise<number> {
  return db.transaction().execute((tx) =>
    startRollingUpdate(tx, {
      chuteId: "c1",
      oldVersion: "v1",
      newVersion,
      reason: "new version",
      image: null,
      pace: { seconds: 10_000, maxPauseSeconds: pause },
      now: START,
    }),
  );
}

function runnerAt(db: Db, log: Logger, leaseSeconds = 30) {
  const { signal } = new AbortController();
  return (seconds: number) =>
    runJobOnce(
      { db, log, now: () => after(seconds), signal, metrics: createMetrics(), leaseSeconds },
      rollingUpdateJob(db),
    );
}

async function announced(db: Db): Promise<unknown[]> {
  const events = await outboxOf(db, "miner_broadcast");
  return events
    .filter(({ reason }) => reason === "rolling_update")
    .map((event) => [(event["data"] as Record<string, unknown>)["instance_id"], event["filter_recipients"]]);
}

const TOLD = [
  ["i-0", ["5Alpha"]],
  ["i-1", ["5Alpha"]],
  ["i-2", ["5Beta"]],
];

const updates = (db: Db) => db.selectFrom("rolling_updates").selectAll().execute();

test.each([
  [1, 300],
  [7, 300],
  [9, 300],
  [10, 270],
  [100, 27],
  [2700, 1],
  [100_000, 1],
])("03 §13: with %i instances the pause is %i s", (instances, seconds) => {
  expect(pauseSeconds(instances, { seconds: 2700, maxPauseSeconds: 300 })).toBe(seconds);
});

test("03 §20.18: miners are told one by one, in order and alone, then what is left ends with the record", async ({
  db,
  log,
}) => {
  await givenUpdate(db);
  const run = runnerAt(db, log);
  const told: number[] = [];
  for (const seconds of [0, 1, 50, 60, 61, 120, 170]) {
    await run(seconds);
    told.push((await announced(db)).length);
  }
  expect(told).toEqual([1, 1, 1, 2, 2, 3, 3]);
  expect(await announced(db)).toEqual(TOLD);
  const [first] = (await outboxOf(db, "miner_broadcast")).filter(({ reason }) => reason === "rolling_update");
  expect(first?.["data"]).toEqual({
    chute_id: "c1",
    instance_id: "i-0",
    miner_hotkey: "5Alpha",
    old_version: "v1",
    new_version: "v2",
    reason: "new version",
  });
  expect(await updates(db)).toMatchObject([{ permitted: { "5Alpha": 2, "5Beta": 1 }, pause_seconds: 60 }]);
  await db.updateTable("instances").set({ version: "v2" }).where("instance_id", "=", "i-1").execute();
  expect(await run(180)).toMatchObject({ items: 1, details: { announced: 0, ended: 1 } });
  expect(await updates(db)).toEqual([]);
  const left = await db.selectFrom("instances").select("instance_id").execute();
  expect(left).toEqual([{ instance_id: "i-1" }]);
  const audit = await db
    .selectFrom("instance_audit")
    .select(["deletion_reason", "valid_termination"])
    .where("deleted_at", "is not", null)
    .execute();
  expect(audit).toEqual(
    [1, 2].map(() => ({ deletion_reason: "instance has an old version of the chute", valid_termination: true })),
  );
});

test("03 §20.18: an instance that is gone is passed over without a pause", async ({ db, log }) => {
  await givenUpdate(db);
  const run = runnerAt(db, log);
  await run(0);
  await sql`delete from instances where instance_id = 'i-1'`.execute(db);
  await run(60);
  expect(await announced(db)).toEqual([TOLD[0], TOLD[2]]);
});

test("03 §20.18: whoever takes over from a runner that died in the middle repeats nothing", async ({ db, log }) => {
  await givenUpdate(db, { pause: 1 });
  // A runner that stops between the statement of a step and its commit.
  await expect(
    db.transaction().execute(async (tx) => {
      await sql`update rolling_update_steps set announced_at = ${START} where position = 1`.execute(tx);
      throw new Error("killed");
    }),
  ).rejects.toThrow("killed");
  expect(await announced(db)).toEqual([]);
  await takeLease(db, { job: "rolling-updates", holder: "dead", seconds: 1 });
  await expect(runnerAt(db, log)(0)).rejects.toMatchObject({ code: "JOB001" });
  await sql`update job_leases set expires_at = now()`.execute(db);
  const startedAt = Date.now();
  const now = () => after((Date.now() - startedAt) / 1000);
  const { signal } = new AbortController();
  // Pauses of a second are shorter than the interval of the job, so one run sees the update through.
  await runJobOnce({ db, log, now, signal, metrics: createMetrics(), leaseSeconds: 30 }, rollingUpdateJob(db));
  expect(await announced(db)).toEqual(TOLD);
  expect(await updates(db)).toEqual([]);
});

test("03 §20.18: killed after the first message, a process is followed by one that sends the others once each", async ({
  db,
  databaseUrl,
}) => {
  await givenUpdate(db, { pause: 1 });
  await db.updateTable("rolling_updates").set({ started_at: new Date() }).execute();
  const first = startProcess(databaseUrl);
  await expect.poll(async () => (await announced(db)).length, { timeout: 20_000, interval: 20 }).toBe(1);
  await killed(first);
  expect(await updates(db)).toHaveLength(1);
  const second = startProcess(databaseUrl);
  await expect.poll(() => updates(db), { timeout: 20_000 }).toEqual([]);
  await killed(second);
  expect(await announced(db)).toEqual(TOLD);
}, 60_000);

function startProcess(databaseUrl: string): ChildProcess {
  const script = join(import.meta.dirname, "../../support/rolling-update-process.ts");
  return spawn(process.execPath, ["--import", "tsx", script, databaseUrl], { stdio: "ignore" });
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

test("03 §13: two runners side by side tell each miner once", async ({ db, log }) => {
  await givenUpdate(db);
  const runs = await Promise.allSettled([runnerAt(db, log)(0), runnerAt(db, log)(0), runnerAt(db, log)(0)]);
  expect(runs.some(({ status }) => status === "fulfilled")).toBe(true);
  expect(await announced(db)).toEqual(TOLD.slice(0, 1));
});

test("03 §13: a new version takes the place of an update that goes on", async ({ db, log }) => {
  await givenUpdate(db);
  const run = runnerAt(db, log);
  await run(0);
  await db.updateTable("instances").set({ version: "v3" }).where("instance_id", "=", "i-0").execute();
  expect(await begin(db, { newVersion: "v3", pause: 60 })).toBe(2);
  await run(1);
  await run(61);
  expect(await announced(db)).toEqual(TOLD);
  expect(await updates(db)).toMatchObject([{ new_version: "v3", permitted: { "5Alpha": 1, "5Beta": 1 } }]);
});

test("03 §13: with the same version all are told and none is deleted", async ({ db, log }) => {
  await givenUpdate(db, { sameVersion: true });
  const run = runnerAt(db, log);
  for (const seconds of [0, 60, 120, 180]) await run(seconds);
  expect(await announced(db)).toEqual(TOLD);
  expect(await updates(db)).toEqual([]);
  expect(await db.selectFrom("instances").selectAll().execute()).toHaveLength(3);
});

test("03 §13: an update that is older than two hours is swept away with what it should have replaced", async ({
  db,
  log,
}) => {
  await givenUpdate(db);
  await runnerAt(db, log)(0);
  await runnerAt(db, log)(7201);
  expect(await announced(db)).toHaveLength(1);
  expect(await updates(db)).toEqual([]);
  expect(await db.selectFrom("instances").selectAll().execute()).toEqual([]);
});

test("03 §13: without instances there is no update", async ({ db }) => {
  await givenChute(db, { chuteId: "c1" });
  expect(await begin(db, { newVersion: "v2", pause: 60 })).toBe(0);
  expect(await updates(db)).toEqual([]);
});

test("03 §17.10: each launch during an update takes one of the miner's places, also at once", async ({ db }) => {
  await givenUpdate(db);
  const chute = await launchChute(db, "c1");
  if (chute === undefined) throw new Error("no chute");
  const hotkey = "5Alpha";
  const launches = [1, 2, 3, 4, 5].map(async (n) => {
    await givenGpu(db, { uuid: `gpu-${n}`, hotkey });
    return bindInstance(db, {
      instanceId: `new-${n}`,
      configId: `config-${n}`,
      chute,
      miner: { uid: 1, hotkey, coldkey: "cold" },
      host: "127.0.0.1",
      port: 32_000 + n,
      portMappings: [],
      symmetricKeyHex: "00",
      transport: {} as never,
      computeMultiplier: 1,
      hourlyRateUsd: 1,
      billedTo: null,
      gpuUuids: [`gpu-${n}`],
      supported: ["h100_sxm"],
      demand: { target: 3, hasBounty: false, isPrivate: false },
      exclusiveHost: false,
      now: START,
    });
  });
  const outcomes = await Promise.allSettled(launches);
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refusals).toHaveLength(3);
  for (const { reason } of refusals) expect(reason).toMatchObject({ kind: "locked_resource" });
  expect(await updates(db)).toMatchObject([{ permitted: { "5Alpha": 0, "5Beta": 1 } }]);
});

test("03 §13: a patched image gives each of its chutes a new version and an update of its own", async ({ db }) => {
  await givenChute(db, { chuteId: "c1" });
  await givenChute(db, { chuteId: "c2", imageId: "image-of-c1" });
  await givenChute(db, { chuteId: "c3" });
  await givenInstance(db, { instanceId: "i-1", chuteId: "c1", hotkey: "5Alpha", port: 31_001 });
  await givenInstance(db, { instanceId: "i-2", chuteId: "c2", hotkey: "5Alpha", port: 31_002 });
  const patch = { imageId: "image-of-c1", reason: "the SDK was renewed", pace: PACE, now: START };
  await db
    .updateTable("images")
    .set({ patch_version: "p1", chutes_version: "0.7.0" })
    .where("image_id", "=", "image-of-c1")
    .execute();
  expect(await patchChutesOfImage(db, patch)).toEqual(["c1", "c2"]);
  const chutes = await db
    .selectFrom("chutes")
    .select(["chute_id", "version", "chutes_version"])
    .orderBy("chute_id")
    .execute();
  expect(chutes.map((chute) => chute.chutes_version)).toEqual(["0.7.0", "0.7.0", "0.6.10"]);
  expect(chutes.map((chute) => chute.version === "v1")).toEqual([false, false, true]);
  const rows = await updates(db);
  expect(rows.map((row) => [row.chute_id, row.permitted, row.reason, row.image])).toEqual([
    ["c1", { "5Alpha": 1 }, "the SDK was renewed", "dev/engine-c1:1.0-p1"],
    ["c2", { "5Alpha": 1 }, "the SDK was renewed", "dev/engine-c1:1.0-p1"],
  ]);
  const told = (await outboxOf(db, "miner_broadcast")).map(({ reason }) => reason);
  expect(told).toEqual(["chute_updated", "chute_updated"]);
  expect(await patchChutesOfImage(db, patch)).toEqual([]);
});

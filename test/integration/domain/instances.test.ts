import { expect } from "vitest";
import {
  deleteInstance,
  expireIdlePrivateInstances,
  expireStuckLaunches,
  targetsOf,
} from "../../../src/domain/instances/instance-repository.js";
import { test } from "../../support/fixtures.js";
import { givenChute, givenGpu, givenInstance, MADE_AT, outboxOf } from "../../support/miner-builders.js";

const NOW = new Date("2026-01-07T12:00:00Z");
const HOTKEY = "hotkey";

test("only active and verified instances are called", async ({ db }) => {
  await givenChute(db, { chuteId: "c1" });
  await givenInstance(db, { instanceId: "good", chuteId: "c1", hotkey: HOTKEY, port: 1 });
  await givenInstance(db, { instanceId: "starting", chuteId: "c1", hotkey: HOTKEY, port: 2, active: false });
  await givenInstance(db, { instanceId: "unproven", chuteId: "c1", hotkey: HOTKEY, port: 3, verified: false });
  await db
    .updateTable("instances")
    .set({ transport: JSON.stringify({ sessionKeyHex: "ab" }) })
    .execute();
  expect(await targetsOf(db, "c1")).toEqual([
    {
      instanceId: "good",
      chuteId: "c1",
      minerUid: 1,
      minerHotkey: HOTKEY,
      minerColdkey: "cold",
      host: "127.0.0.1",
      port: 1,
      chutesVersion: "0.6.10",
      configId: null,
      symmetricKeyHex: "00".repeat(16),
      transport: { sessionKeyHex: "ab" },
      computeMultiplier: 1,
      billedTo: null,
      bounty: false,
      createdAt: MADE_AT,
      activatedAt: new Date(MADE_AT.getTime() + 60_000),
    },
  ]);
  expect(await targetsOf(db, "c2")).toEqual([]);
});

test("of concurrent deleters one succeeds, and the events go out once", async ({ db }) => {
  await givenChute(db, { chuteId: "c1" });
  await givenGpu(db, { uuid: "g1", hotkey: HOTKEY });
  await givenGpu(db, { uuid: "g2", hotkey: HOTKEY });
  await givenInstance(db, { instanceId: "i1", chuteId: "c1", hotkey: HOTKEY, gpus: ["g1", "g2"], configId: "cfg" });
  const reasons = ["first", "second", "third"];
  const results = await Promise.all(
    reasons.map((reason) => deleteInstance(db, { instanceId: "i1", reason, now: NOW, validTermination: true })),
  );
  expect(results.filter(Boolean)).toHaveLength(1);
  const data = {
    chute_id: "c1",
    miner_hotkey: HOTKEY,
    instance_id: "i1",
    config_id: "cfg",
    gpu_count: 2,
    gpu_model_name: "h100_sxm",
  };
  expect(await outboxOf(db, "events")).toEqual([expect.objectContaining({ reason: "instance_deleted", data })]);
  expect(await outboxOf(db, "miner_broadcast")).toEqual([
    expect.objectContaining({ data, filter_recipients: [HOTKEY] }),
  ]);
  const audit = await db.selectFrom("instance_audit").selectAll().executeTakeFirstOrThrow();
  expect(audit).toMatchObject({
    deleted_at: NOW,
    valid_termination: true,
    deletion_reason: reasons[results.indexOf(true)],
  });
  expect(await deleteInstance(db, { instanceId: "i1", reason: "late", now: NOW })).toBe(false);
});

test("idle private instances end, a few at a time, with the reason that lets the miner keep its pay", async ({
  db,
}) => {
  await givenChute(db, { chuteId: "c1", public: false });
  const idle = { chuteId: "c1", hotkey: HOTKEY, stopBillingAt: NOW };
  for (const index of [1, 2, 3]) await givenInstance(db, { ...idle, instanceId: `idle-${index}`, port: index });
  await givenInstance(db, { ...idle, instanceId: "used", port: 4, stopBillingAt: new Date(NOW.getTime() + 1) });
  await givenInstance(db, { ...idle, instanceId: "public", port: 5, stopBillingAt: null });
  expect(await expireIdlePrivateInstances(db, NOW, 2)).toBe(2);
  expect(await expireIdlePrivateInstances(db, NOW, 2)).toBe(1);
  expect(await expireIdlePrivateInstances(db, NOW, 2)).toBe(0);
  const left = await db.selectFrom("instances").select("instance_id").orderBy("instance_id").execute();
  expect(left.map(({ instance_id }) => instance_id)).toEqual(["public", "used"]);
  const audit = await db
    .selectFrom("instance_audit")
    .selectAll()
    .where("instance_id", "=", "idle-1")
    .executeTakeFirstOrThrow();
  expect(audit).toMatchObject({
    deletion_reason: "user-defined/private chute instance has not been used since shutdown_after_seconds",
    valid_termination: true,
    deleted_at: NOW,
  });
});

test("instances that never came up free their GPUs", async ({ db }) => {
  await givenChute(db, { chuteId: "c1" });
  await givenGpu(db, { uuid: "g1", hotkey: HOTKEY });
  const base = { chuteId: "c1", hotkey: HOTKEY };
  const young = new Date(NOW.getTime() - 99_000);
  await givenInstance(db, { ...base, instanceId: "stuck", port: 1, active: false, verified: false, gpus: ["g1"] });
  await givenInstance(db, { ...base, instanceId: "starting", port: 2, active: false, createdAt: young });
  await givenInstance(db, { ...base, instanceId: "serving", port: 3 });
  expect(await expireStuckLaunches(db, { now: NOW, maxStartupSeconds: 100, limit: 10 })).toBe(1);
  const left = await db.selectFrom("instances").select("instance_id").orderBy("instance_id").execute();
  expect(left.map(({ instance_id }) => instance_id)).toEqual(["serving", "starting"]);
  expect(await db.selectFrom("instance_nodes").selectAll().execute()).toEqual([]);
});

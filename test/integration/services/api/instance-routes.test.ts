import { expect } from "vitest";
import { CHUTE, launchedUntil } from "../../../support/launches.js";
import { givenChute, givenInstance, outboxOf } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

test("a miner ends its own instance, and the audit says that it did", async ({ api, db, miner, rival }) => {
  const container = await launchedUntil("active", { api, db, miner });
  const { instance_id } = await db.selectFrom("instances").select("instance_id").executeTakeFirstOrThrow();
  const end = (signer: typeof miner, path: string) =>
    api.call("DELETE", `/instances/${path}`, { signer, purpose: "instances" });
  expect((await end(rival, `${CHUTE}/${instance_id}`)).status).toBe(404);
  expect((await end(miner, `other/${instance_id}`)).status).toBe(404);
  api.advance(60);
  expect(await end(miner, `${CHUTE}/${instance_id}`)).toMatchObject({
    status: 200,
    json: { instance_id, deleted: true },
  });
  const audit = await db.selectFrom("instance_audit").selectAll().executeTakeFirstOrThrow();
  expect(audit).toMatchObject({
    deletion_reason: "miner initialized",
    deleted_at: api.now(),
    valid_termination: null,
  });
  const history = await db.selectFrom("instance_compute_history").select("ended_at").execute();
  expect(history.every(({ ended_at }) => ended_at !== null)).toBe(true);
  const events = await outboxOf(db, "events");
  expect(events.at(-1)).toMatchObject({
    reason: "instance_deleted",
    data: { instance_id, config_id: container.configId, gpu_count: 1, gpu_model_name: "h100_sxm" },
  });
  expect(await outboxOf(db, "cache_invalidate")).toContainEqual({ kind: "instances", id: CHUTE });
  expect(await db.selectFrom("instance_nodes").selectAll().execute()).toEqual([]);
  api.advance(1);
  expect((await end(miner, `${CHUTE}/${instance_id}`)).status).toBe(404);
});

test("the address token is that of the caller as the trusted proxy saw it", async ({ api }) => {
  const ask = async (query: string) =>
    (await api.call("GET", `/instances/token_check${query}`, { headers: { "x-forwarded-for": "203.0.113.7" } })).json;
  expect(await ask("?salt=abc123")).toEqual({ token: "07940a84-ffb9-5da2-8858-a3022c5273e5" });
  expect(await ask("")).toEqual({ token: "6a13a121-578a-50ab-9434-bbe479ca7592" });
});

test("auditors can follow every instance and its worth over pages", async ({ api, db, miner }) => {
  await givenChute(db, { chuteId: "c1" });
  const base = { chuteId: "c1", hotkey: miner.address };
  await givenInstance(db, { ...base, instanceId: "i1", port: 31_001, computeMultiplier: 0.5 });
  await givenInstance(db, { ...base, instanceId: "i2", port: 31_002 });
  await givenInstance(db, { ...base, instanceId: "i3", port: 31_003, active: false });
  await db
    .updateTable("instance_audit")
    .set({ deleted_at: new Date("2026-01-07T11:00:00.5Z") })
    .where("instance_id", "=", "i2")
    .execute();
  await db.deleteFrom("instances").where("instance_id", "=", "i2").execute();
  const csv = async (path: string) => {
    const { status, text, headers } = await api.call("GET", path);
    expect([status, headers.get("content-type")]).toEqual([200, "text/csv; charset=utf-8"]);
    return text;
  };
  expect(await csv("/instances/reconciliation_csv")).toBe(
    "instance_id,deleted_at\r\ni1,\r\ni2,2026-01-07 11:00:00.500000\r\n",
  );
  expect(await csv("/instances/compute_history_csv")).toBe(
    [
      "instance_id,compute_multiplier,started_at,ended_at",
      "i1,0.15,2026-01-07 10:00:00,2026-01-07 10:01:00",
      "i1,0.5,2026-01-07 10:01:00,",
      "i2,0.3,2026-01-07 10:00:00,2026-01-07 10:01:00",
      "i2,1.0,2026-01-07 10:01:00,2026-01-07 11:00:00.500000",
      "",
    ].join("\r\n"),
  );
  api.advance(8 * 86_400);
  expect(await csv("/instances/reconciliation_csv")).toBe("instance_id,deleted_at\r\ni1,\r\n");
});

import { describe, expect } from "vitest";
import { startMinerApi } from "../../../support/miner-api.js";
import { givenChute, givenGpu, givenInstance, outboxOf } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const GPU = {
  uuid: "a".repeat(32),
  name: "NVIDIA H100 80GB HBM3",
  memory: 85_045_411_840,
  processors: 132,
  clock_rate: 1_980_000,
  max_threads_per_processor: 2048,
  device_index: 0,
  gpu_identifier: "h100_sxm",
  verification_host: "127.0.0.1",
  verification_port: 31_234,
};
const batch = (...nodes: object[]) => ({ server_id: "server", server_name: "rack-1", unknown: true, nodes });

describe("POST /nodes/", () => {
  test("stores the GPUs as verified, answers every column and tells the miner", async ({ api, db, miner }) => {
    const answer = await api.call("POST", "/nodes/", { signer: miner, body: batch(GPU) });
    expect(answer.status).toBe(202);
    expect((answer.json as { nodes: object[] }).nodes[0]).toMatchObject({
      ...GPU,
      major: 9,
      minor: 0,
      sxm: true,
      ecc: true,
      concurrent_kernels: true,
      miner_hotkey: miner.address,
      server_id: "server",
      verification_error: null,
      created_at: "2026-01-07T12:00:00.000000+00:00",
      verified_at: "2026-01-07T12:00:00.000000+00:00",
    });
    expect(await outboxOf(db, "miner_broadcast")).toEqual([
      {
        reason: "gpu_verified",
        data: { gpu_id: GPU.uuid, miner_hotkey: miner.address },
        filter_recipients: [miner.address],
      },
    ]);
  });

  test("checks in the order that miners know, and leaves nothing behind", async ({ api, db, miner, rival }) => {
    const post = (body: object) => api.call("POST", "/nodes/", { signer: miner, body });
    await givenGpu(db, { uuid: "b".repeat(32), hotkey: rival.address });
    const eleven = Array.from({ length: 11 }, (_, index) => ({ ...GPU, uuid: String(index).padStart(32, "0") }));
    const answers = [
      await post(batch(...eleven)),
      await post(batch({ ...GPU, uuid: "b".repeat(32), verification_host: "bad_host" })),
      await post(batch({ ...GPU, verification_host: "bad_host", name: "Tesla T4" })),
      await post(batch({ ...GPU, name: "Tesla T4" }, GPU)),
      await post(batch(GPU, GPU)),
      await post(batch({ ...GPU, name: undefined })),
      await post(batch({ ...GPU, memory: "much" })),
      await post([]),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 409, 400, 400, 400, 422, 422, 422]);
    expect(answers.slice(0, 5).map(({ json }) => (json as { detail: string }).detail)).toEqual([
      "Limit is 10 GPUs per server.",
      expect.stringContaining("b".repeat(32)),
      "Invalid host: bad_host",
      expect.stringContaining("GPU parameter validation error"),
      "Duplicate GPUs in one request.",
    ]);
    expect(await db.selectFrom("nodes").select("uuid").execute()).toHaveLength(1);
    await db.updateTable("metagraph_nodes").set({ blacklist_reason: "cheated" }).execute();
    api.advance(31);
    const refused = await post(batch(...eleven));
    expect(refused).toMatchObject({ status: 403, json: { detail: "Your hotkey has been blacklisted: cheated" } });
  });

  test("of two requests for one GPU one is a conflict", async ({ api, miner, rival }) => {
    const answers = await Promise.all(
      [miner, rival].map((signer) => api.call("POST", "/nodes/", { signer, body: batch(GPU) })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409]);
  });

  test("without a lab switch private addresses are refused; other modes say that they are not built", async ({
    db,
    log,
    stack,
    miner,
  }) => {
    const strict = stack.use(await startMinerApi({ db, log, settings: { instances: { allowPrivateHosts: false } } }));
    const refused = await strict.call("POST", "/nodes/", { signer: miner, body: batch(GPU) });
    expect(refused).toMatchObject({ status: 400, json: { detail: "Host is not a public address: 127.0.0.1" } });
    const pog = stack.use(await startMinerApi({ db, log, settings: { gpuVerification: { mode: "pog" } } }));
    const unbuilt = await pog.call("POST", "/nodes/", { signer: miner, body: batch(GPU) });
    expect(unbuilt).toMatchObject({ status: 503, json: { detail: "GPU verification mode pog is not built yet" } });
  });

  test("needs the signature of a registered hotkey over the body", async ({ api, miner }) => {
    expect(await api.call("POST", "/nodes/", { body: batch(GPU) })).toMatchObject({ status: 401 });
    const misSigned = await api.call("POST", "/nodes/", { signer: miner, purpose: "nodes", body: batch(GPU) });
    expect(misSigned).toMatchObject({ status: 401 });
  });
});

test("DELETE /nodes/ removes only the caller's GPU, and first the instance on it", async ({
  api,
  db,
  miner,
  rival,
}) => {
  await givenGpu(db, { uuid: GPU.uuid, hotkey: miner.address });
  await givenChute(db, { chuteId: "c1" });
  await givenInstance(db, { instanceId: "i1", chuteId: "c1", hotkey: miner.address, gpus: [GPU.uuid] });
  const remove = (signer: typeof miner) => api.call("DELETE", `/nodes/${GPU.uuid}`, { signer, purpose: "nodes" });
  expect(await remove(rival)).toMatchObject({ status: 404 });
  expect(await remove(miner)).toMatchObject({ status: 200, json: { node_id: GPU.uuid, deleted: true } });
  expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([]);
  expect((await outboxOf(db, "miner_broadcast")).map(({ reason }) => reason)).toEqual(["instance_deleted"]);
  api.advance(1);
  expect(await remove(miner)).toMatchObject({ status: 404 });
});

test("the public lists count GPUs by model and by miner", async ({ api, db, miner, rival }) => {
  await givenGpu(db, { uuid: "g1", hotkey: miner.address });
  await givenGpu(db, { uuid: "g2", hotkey: miner.address });
  await givenGpu(db, { uuid: "g3", hotkey: rival.address, model: "h200" });
  await givenGpu(db, { uuid: "g4", hotkey: rival.address, model: "l4", verifiedAt: null });
  await givenChute(db, { chuteId: "c1", public: false });
  await givenInstance(db, { instanceId: "i1", chuteId: "c1", hotkey: miner.address, gpus: ["g1"] });
  expect(await api.call("GET", "/nodes/")).toMatchObject({
    status: 200,
    json: { h100_sxm: { provisioned: 1, idle: 1 }, h200: { provisioned: 0, idle: 1 } },
  });
  const chute = { username: null, name: "[private chute]", chute_id: "c1", verified: true, instance_id: "i1" };
  const mine = { provisioned: [{ gpu: "h100_sxm", chute }], idle: { h100_sxm: 1 } };
  const one = await api.call("GET", `/nodes/?detailed=True&hotkey=${miner.address}`);
  expect(one.json).toEqual({ [miner.address]: mine });
  expect(Object.keys((await api.call("GET", "/nodes/?detailed=true")).json as object)).toHaveLength(2);
  const supported = (await api.call("GET", "/nodes/supported")).json as Record<string, { hourly_rate: number }>;
  expect(Object.keys(supported)).toHaveLength(26);
  expect(supported["h100_sxm"]).toMatchObject({ hourly_rate: 2.35, graval: { estimate: 70, iterations: 5 } });
});

test("a verification task that is unknown has failed; the bare word of older servers counts as done", async ({
  api,
  miner,
}) => {
  const poll = (id: string) =>
    api.call("GET", `/nodes/verification_status?task_id=${encodeURIComponent(id)}`, {
      signer: miner,
      purpose: "graval",
    });
  expect((await poll(`${miner.address}::gone`)).json).toMatchObject({ status: "failed", detail: expect.any(String) });
  expect((await poll("skip")).json).toEqual({ status: "verified" });
});

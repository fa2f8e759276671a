import { expect } from "vitest";
import { requestBounty } from "../../../../src/domain/bounties/bounty-store.js";
import type { Keypair } from "../../../../src/wire/keypair.js";
import type { MinerApi } from "../../../support/miner-api.js";
import { givenChute, givenGpu, givenImage, givenInstance } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const SECRET_MEMBERS = ["symmetric_key", "transport", "host", "port", "port_mappings", "session_key"];

async function records(api: MinerApi, signer: Keypair, list: string): Promise<Record<string, unknown>[]> {
  const { status, text, headers } = await api.call("GET", `/miner/${list}/`, { signer, purpose: "miner" });
  expect([status, headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  if (text !== "") expect(text).toMatch(/^(data: \{.*\}\n\n)+$/);
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line.slice("data: ".length)) as Record<string, unknown>);
}

test("a list of many pages holds every chute once", async ({ api, db, miner }) => {
  await givenImage(db, { imageId: "image" });
  const ids = Array.from({ length: 151 }, (_, index) => `chute-${index}`);
  await Promise.all(ids.map((chuteId) => givenChute(db, { chuteId, imageId: "image" })));
  const listed = (await records(api, miner, "chutes")).map((record) => record["chute_id"]);
  expect(listed.toSorted()).toEqual(ids.toSorted());
});

test("a chute record has every member that miners and their tools know", async ({ api, db, miner }) => {
  const nodeSelector = { gpu_count: 2, min_vram_gb_per_gpu: 140 };
  await givenChute(db, { chuteId: "c1", nodeSelector, public: false, username: "alice" });
  const askedAt = new Date(api.now().getTime() - 60_000);
  await requestBounty(api.redis, { chuteId: "c1", isPrivate: true, rules: api.config.bounties, now: askedAt });
  const [chute] = await records(api, miner, "chutes");
  const columns = `chute_id user_id name tagline readme tool_description image_id image logo_id public standard_template cords jobs
    node_selector slug code filename ref_str version concurrency boost chutes_version revision openrouter discount created_at updated_at
    max_instances scaling_threshold shutdown_after_seconds allow_external_egress encrypted_fs tee lock_modules immutable disabled
    invocation_count supported_gpus preemptible effective_compute_multiplier compute_multiplier_factors bounty`;
  expect(Object.keys(chute ?? {}).toSorted()).toEqual(columns.split(/\s+/).toSorted());
  const base = 2 * (2.75 / 4.5);
  expect(chute).toMatchObject({
    image: "alice/engine-c1:1.0",
    supported_gpus: ["b200", "h200"],
    node_selector: {
      gpu_count: 2,
      min_vram_gb_per_gpu: 140,
      max_hourly_price_per_gpu: null,
      include: null,
      exclude: null,
      dynamic: false,
      supported_gpus: ["b200", "h200"],
      compute_multiplier: base,
    },
    preemptible: false,
    tee: false,
    effective_compute_multiplier: expect.closeTo(base * 2 * 1.1022, 3),
    compute_multiplier_factors: { base, private: 2, bounty_boost: expect.closeTo(1.1022, 4) },
    bounty: 280,
    created_at: "2026-01-07T10:00:00.000000+00:00",
  });
});

test("older SDKs get their source in the list, newer ones a placeholder; one version alone can be fetched", async ({
  api,
  db,
  miner,
}) => {
  await givenChute(db, { chuteId: "old", chutesVersion: "0.3.60", code: "source of old" });
  await givenChute(db, { chuteId: "new", chutesVersion: "0.3.61.rc1", code: "source of new" });
  await givenChute(db, { chuteId: "none", chutesVersion: null, code: "source of none" });
  const listed = await records(api, miner, "chutes");
  const code = Object.fromEntries(listed.map((chute) => [chute["chute_id"], chute["code"]]));
  expect(code).toMatchObject({ old: "source of old", none: "source of none" });
  expect(code["new"]).toEqual(expect.not.stringContaining("source of new"));
  const fetchOne = (path: string) => api.call("GET", `/miner/chutes/${path}`, { signer: miner, purpose: "miner" });
  const one = await fetchOne("old/v1");
  expect(one.json).toEqual(listed.find((chute) => chute["chute_id"] === "old"));
  expect(await fetchOne("old/v2")).toMatchObject({ status: 404 });
});

test("GPUs and instances are the caller's own, with whole seeds and without secrets", async ({
  api,
  db,
  miner,
  rival,
}) => {
  await givenGpu(db, { uuid: "g1", hotkey: miner.address });
  await givenGpu(db, { uuid: "g2", hotkey: rival.address });
  await givenChute(db, { chuteId: "c1" });
  await givenInstance(db, { instanceId: "i1", chuteId: "c1", hotkey: miner.address, gpus: ["g1"], configId: "cfg" });
  await givenInstance(db, { instanceId: "i2", chuteId: "c1", hotkey: rival.address, port: 32_000, active: false });
  const nodes = await api.call("GET", "/miner/nodes/", { signer: miner, purpose: "miner" });
  expect(nodes.text).toContain('"seed":6148914691236517205');
  expect(nodes.text).not.toContain('"g2"');
  const instances = await records(api, miner, "instances");
  expect(instances).toHaveLength(1);
  expect(instances[0]).toMatchObject({
    instance_id: "i1",
    chute_id: "c1",
    config_id: "cfg",
    active: true,
    verified: true,
    last_verified_at: null,
    last_queried_at: null,
    consecutive_failures: 0,
    activated_at: "2026-01-07T10:01:00.000000+00:00",
  });
  for (const member of SECRET_MEMBERS) expect(instances[0]).not.toHaveProperty(member);

  const call = (path: string) => api.call("GET", path, { signer: miner, purpose: "miner" });
  expect((await call("/miner/active_instances/")).json).toEqual([
    {
      instance_id: "i1",
      miner_hotkey: miner.address,
      chute_id: "c1",
      activated_at: "2026-01-07T10:01:00.000000+00:00",
      compute_multiplier: 1,
    },
  ]);
  expect((await call("/miner/inventory")).json).toEqual([
    {
      gpu_id: "g1",
      last_verified_at: null,
      verification_error: null,
      active: true,
      chute_id: "c1",
      chute_name: "chute-c1",
    },
  ]);
  expect((await call("/miner/servers/")).json).toEqual({
    servers: [
      expect.objectContaining({
        server_id: "server-1",
        name: "server-1",
        ip: "127.0.0.1",
        is_tee: false,
        version: null,
        gpus: [expect.objectContaining({ uuid: "g1", gpu_identifier: "h100_sxm", device_index: 0 })],
      }),
    ],
  });
});

test("jobs and images are lists too; nobody unsigned or unregistered gets one", async ({ api, db, miner }) => {
  await givenImage(db, { imageId: "image", username: "Bob", name: "Engine", tag: "RC", patchVersion: "p1" });
  expect(await records(api, miner, "jobs")).toEqual([]);
  expect(await records(api, miner, "images")).toEqual([
    expect.objectContaining({
      image_id: "image",
      username: "bob",
      name: "engine",
      tag: "rc",
      patch_version: "p1",
      chutes_version: "0.6.10",
    }),
  ]);
  for (const path of ["chutes/", "images/", "nodes/", "instances/", "jobs/", "metrics/", "inventory", "servers/"]) {
    expect([path, (await api.call("GET", `/miner/${path}`)).status]).toEqual([path, 401]);
  }
  await db.deleteFrom("metagraph_nodes").execute();
  api.advance(31);
  expect(await api.call("GET", "/miner/chutes/", { signer: miner, purpose: "miner" })).toMatchObject({ status: 401 });
});

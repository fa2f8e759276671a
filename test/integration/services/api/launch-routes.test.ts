import { describe, expect } from "vitest";
import { requestBounty } from "../../../../src/domain/bounties/bounty-store.js";
import { redisKeys } from "../../../../src/infra/redis/keys.js";
import { launchKey, signJwt, unverifiedClaims } from "../../../../src/wire/jwt.js";
import { askForLaunch, CHUTE, launched, launchedUntil } from "../../../support/launches.js";
import { type MinerApi, startMinerApi } from "../../../support/miner-api.js";
import { givenChute, givenInstance, outboxOf } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const detailOf = (answer: { json: unknown }) => (answer.json as { detail: string }).detail;

describe("a launch config", () => {
  test("is a token that says what the container may do", async ({ api, db, miner }) => {
    await givenChute(db, { chuteId: CHUTE, allowExternalEgress: true });
    const answer = await askForLaunch(api, miner);
    const { token, config_id } = answer.json as { token: string; config_id: string };
    const seconds = api.now().getTime() / 1000;
    expect(Object.entries(unverifiedClaims(token) ?? {})).toEqual([
      ["exp", seconds + 7200],
      ["sub", config_id],
      ["iat", seconds],
      ["url", `https://api.example.com/instances/launch_config/${config_id}`],
      ["env_key", expect.stringMatching(/^[0-9a-f]{32}$/)],
      ["iss", "chutes"],
      ["chute_id", CHUTE],
      ["egress", true],
      ["lock_modules", false],
      ["env_type", "graval"],
    ]);
    expect(await outboxOf(db, "events")).toEqual([
      expect.objectContaining({
        reason: "launch_token_created",
        data: {
          chute_id: CHUTE,
          miner_hotkey: miner.address,
          gpu_count: 1,
          include_gpus: ["h100_sxm"],
          min_vram_gb: 16,
        },
      }),
    ]);
  });

  test("of an older SDK has neither the newer claims nor a nonce", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner, chute: { chutesVersion: "0.3.38" } });
    const { nonce } = await db.selectFrom("launch_configs").select("nonce").executeTakeFirstOrThrow();
    expect(nonce).toBeNull();
    expect(await container.nonce()).toMatchObject({ status: 404 });
  });

  test("is refused with the miner's own words for it", async ({ api, db, log, stack, miner }) => {
    await givenChute(db, { chuteId: "off", disabled: true });
    await givenChute(db, { chuteId: "tee", tee: true });
    await givenChute(db, { chuteId: "private", public: false });
    await givenChute(db, { chuteId: CHUTE });
    const status = async (chuteId: string) => (await askForLaunch(api, miner, chuteId)).status;
    expect(await status("unknown")).toBe(404);
    expect(await status("off")).toBe(423);
    expect(await status("tee")).toBe(503);
    expect(await status("private")).toBe(423);
    expect(await status(`${CHUTE}&job_id=j1`)).toBe(404);
    await givenInstance(db, { instanceId: "i1", chuteId: CHUTE, hotkey: "somebody" });
    expect(await status(CHUTE)).toBe(423);
    await api.redis.set(redisKeys.scaleTarget(CHUTE), "4");
    expect(await status(CHUTE)).toBe(200);
    const pog = stack.use(await startMinerApi({ db, log, settings: { gpuVerification: { mode: "pog" } } }));
    await pog.redis.set(redisKeys.scaleTarget(CHUTE), "4");
    expect(await askForLaunch(pog, miner)).toMatchObject({
      status: 503,
      text: expect.stringContaining("not built yet"),
    });
    await db.updateTable("metagraph_nodes").set({ blacklist_reason: "cheated" }).execute();
    api.advance(31);
    expect(await status(CHUTE)).toBe(403);
  });

  test("of a private chute needs somebody who wants it", async ({ api, db, miner }) => {
    await givenChute(db, { chuteId: CHUTE, public: false });
    await requestBounty(api.redis, { chuteId: CHUTE, isPrivate: true, rules: api.config.bounties, now: api.now() });
    expect(await askForLaunch(api, miner)).toMatchObject({ status: 200 });
  });

  test("of a private chute grows as far as its owner said, and no further", async ({ api, db, miner }) => {
    await givenChute(db, { chuteId: CHUTE, public: false });
    await db.updateTable("chutes").set({ max_instances: 2 }).execute();
    await givenInstance(db, { instanceId: "i1", chuteId: CHUTE, hotkey: "somebody", port: 33_001 });
    expect(await askForLaunch(api, miner)).toMatchObject({ status: 200 });
    await givenInstance(db, { instanceId: "i2", chuteId: CHUTE, hotkey: "somebody", port: 33_002 });
    expect(await askForLaunch(api, miner)).toMatchObject({ status: 423 });
  });
});

describe("the token", () => {
  test("opens only its own launch, while it lives", async ({ api, db, miner }) => {
    const { configId } = await launched({ api, db, miner });
    const other = await askForLaunch(api, miner);
    const issuedAt = Math.floor(api.now().getTime() / 1000);
    const claims = { exp: issuedAt + 60, sub: configId, iat: issuedAt, iss: "chutes" };
    const key = launchKey("launch-secret");
    const good = signJwt(claims, key);
    const [, payload] = good.split(".");
    const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${payload}.`;
    const nonce = async (authorization?: string, id = configId) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      return (await api.call("GET", `/instances/launch_config/${id}/nonce`, { headers })).status;
    };
    expect(await nonce(good)).toBe(200);
    expect(await nonce(`Bearer ${good}`)).toBe(200);
    expect(await nonce()).toBe(401);
    expect(await nonce("Bearer nonsense")).toBe(401);
    expect(await nonce(none)).toBe(401);
    expect(await nonce(signJwt(claims, launchKey("another-secret")))).toBe(401);
    expect(await nonce(signJwt({ ...claims, exp: issuedAt }, key))).toBe(401);
    expect(await nonce(signJwt({ ...claims, exp: undefined }, key))).toBe(401);
    expect(await nonce(signJwt({ ...claims, iss: "others" }, key))).toBe(401);
    expect(await nonce((other.json as { token: string }).token)).toBe(401);
    expect(await nonce(good, "not-a-uuid")).toBe(404);
    await db.deleteFrom("launch_configs").where("config_id", "=", configId).execute();
    expect(await nonce(good)).toBe(401);
  });

  test("gives its nonce until the claim", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner });
    const first = await container.nonce();
    expect(first.text).toMatch(/^[0-9a-f]{32}$/);
    expect((await container.nonce()).text).toBe(first.text);
    expect((await container.claim()).status).toBe(200);
    expect((await container.nonce()).status).toBe(404);
  });
});

describe("a proof", () => {
  test.for<[string, (proof: Record<string, unknown>) => Record<string, unknown>, string]>([
    ["with another key", () => ({ response: Buffer.alloc(64).toString("base64") }), "possession of the instance key"],
    ["without work", () => ({ proof: {} }), "work product"],
    ["with another GPU's work", (p) => ({ proof: { other: Object.values(p["proof"] as object)[0] } }), "work product"],
  ])("%s ends the instance", async ([, change, detail], { api, db, miner }) => {
    const container = await launchedUntil("claimed", { api, db, miner });
    const answer = await container.verify(change(container.proof()));
    expect([answer.status, detailOf(answer)]).toEqual([403, expect.stringContaining(detail)]);
    expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([]);
    const audit = await db.selectFrom("instance_audit").select("deletion_reason").executeTakeFirstOrThrow();
    expect(audit.deletion_reason).toContain(detail);
    expect((await container.verify()).status).toBe(403);
    expect((await container.activate()).status).toBe(403);
  });

  test("is answered with what the container needs, once", async ({ api, db, miner }) => {
    const container = await launchedUntil("claimed", { api, db, miner });
    expect((await container.activate()).status).toBe(403);
    const { json } = await container.verify();
    const instance = await db
      .selectFrom("instances")
      .select(["instance_id", "verified", "last_verified_at"])
      .executeTakeFirstOrThrow();
    expect(instance).toMatchObject({ verified: true, last_verified_at: api.now() });
    expect(json).toEqual({
      chute_id: CHUTE,
      instance_id: instance.instance_id,
      verified_at: "2026-01-07T12:00:00.000000+00:00",
      activation_url: `https://api.example.com/instances/launch_config/${container.configId}/activate`,
      secrets: { PYTHONDONTWRITEBYTECODE: "1" },
      code: "print('real source')",
      fs_key: "",
    });
    expect((await container.verify()).status).toBe(400);
  });

  test("before the claim, or after the instance's end, finds nothing", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner });
    const early = await api.call("PUT", `/instances/launch_config/${container.configId}`, {
      headers: { authorization: `x ${await tokenOf(api, container.configId)}` },
      body: { response: "AA==", iv: "0".repeat(32), proof: {} },
    });
    expect(early.status).toBe(404);
    await container.nonce();
    await container.claim();
    await db.deleteFrom("instances").execute();
    expect((await container.verify()).status).toBe(404);
    expect((await container.verify()).status).toBe(403);
  });
});

describe("activation", () => {
  test("lets the instance serve at its full worth, and may be repeated", async ({ api, db, miner }) => {
    const container = await launchedUntil("verified", { api, db, miner });
    api.advance(100);
    expect(await container.activate()).toMatchObject({ status: 200, json: { ok: true } });
    api.advance(50);
    expect(await container.activate()).toMatchObject({ status: 200, json: { ok: true } });
    const row = await db.selectFrom("instances").selectAll().executeTakeFirstOrThrow();
    const activatedAt = new Date(api.now().getTime() - 50_000);
    expect(row).toMatchObject({ active: true, activated_at: activatedAt, stop_billing_at: null, bounty: false });
    const reasons = (await outboxOf(db, "miner_broadcast")).map(({ reason }) => reason);
    expect(reasons).toEqual(["instance_created", "instance_verified", "instance_activated"]);
    const base = 2.35 / 4.5;
    const history = await db.selectFrom("instance_compute_history").selectAll().orderBy("started_at").execute();
    expect(history).toMatchObject([
      { compute_multiplier: 0.3 * base, started_at: row.created_at, ended_at: activatedAt },
      { compute_multiplier: base, started_at: activatedAt, ended_at: null },
    ]);
  });

  test("of a private instance is billed to the owner until it idles, and takes the bounty", async ({
    api,
    db,
    miner,
  }) => {
    await requestBounty(api.redis, { chuteId: CHUTE, isPrivate: true, rules: api.config.bounties, now: api.now() });
    const chute = { public: false, username: "alice", shutdownAfterSeconds: 90 };
    await launchedUntil("active", { api, db, miner, chute });
    const row = await db.selectFrom("instances").selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      billed_to: "alice",
      bounty: true,
      // Twice for a private chute, and the boost of a bounty that is no second old.
      compute_multiplier: expect.closeTo((2.35 / 4.5) * 2 * 1.1, 9),
      stop_billing_at: new Date(api.now().getTime() + 90_000),
    });
    expect(await api.redis.exists(redisKeys.bounty(CHUTE))).toBe(0);
    const audit = await db.selectFrom("instance_audit").selectAll().executeTakeFirstOrThrow();
    expect(audit).toMatchObject({ bounty: true, billed_to: "alice", stop_billing_at: row.stop_billing_at });
  });

  test("is refused while enough others serve, and when it comes too late", async ({ api, db, miner }) => {
    const container = await launchedUntil("verified", { api, db, miner });
    await givenInstance(db, { instanceId: "i1", chuteId: CHUTE, hotkey: "somebody", port: 33_000 });
    await api.redis.set(redisKeys.scaleTarget(CHUTE), "1");
    expect((await container.activate()).status).toBe(423);
    await api.redis.del(redisKeys.scaleTarget(CHUTE));
    // The token must outlive the limit for the limit to be seen.
    await db
      .updateTable("instances")
      .set({ created_at: new Date(api.now().getTime() - 12_601_000) })
      .execute();
    expect(await container.activate()).toMatchObject({ status: 410 });
    expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([{ instance_id: "i1" }]);
    expect((await container.activate()).status).toBe(403);
  });

  test("finds nothing once the instance is deleted", async ({ api, db, miner }) => {
    const container = await launchedUntil("verified", { api, db, miner });
    await db.deleteFrom("instances").execute();
    expect((await container.activate()).status).toBe(404);
  });
});

async function tokenOf(api: MinerApi, configId: string): Promise<string> {
  const issuedAt = Math.floor(api.now().getTime() / 1000);
  return signJwt({ exp: issuedAt + 60, sub: configId, iat: issuedAt, iss: "chutes" }, launchKey("launch-secret"));
}

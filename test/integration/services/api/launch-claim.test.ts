import { describe, expect } from "vitest";
import { redisKeys } from "../../../../src/infra/redis/keys.js";
import { certificate } from "../../../fakes/container.js";
import { askForLaunch, CHUTE, containerFor, GPU, launched } from "../../../support/launches.js";
import { startMinerApi } from "../../../support/miner-api.js";
import { givenChute, givenGpu, givenInstance, outboxOf } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const detailOf = (answer: { json: unknown }) => (answer.json as { detail: string }).detail;

describe("a claim", () => {
  test("makes an instance whose key and session both sides know", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner });
    await container.nonce();
    const { status, json, text } = await container.claim();
    expect([status, json["job_id"], json["iterations"]]).toEqual([200, null, 5]);
    expect(text).toMatch(/"seed":\d{1,20},/);
    expect(json["symmetric_key"]).toMatchObject({
      uuid: GPU,
      response_plaintext: `secret is ${container.configId} ${json["seed"]}`,
    });
    const row = await db.selectFrom("instances").selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      chute_id: CHUTE,
      config_id: container.configId,
      miner_hotkey: miner.address,
      host: "127.0.0.1",
      port: 31_000,
      active: false,
      verified: false,
      billed_to: null,
      hourly_rate: 2.35,
      compute_multiplier: 2.35 / 4.5,
    });
    expect(row.transport).toMatchObject({
      sessionKeyHex: container.sessionKeyHex(),
      tls: {
        commonName: `${container.configId}.int.chutes.dev`,
        certPem: expect.stringContaining("BEGIN CERTIFICATE"),
      },
      rintNonce: expect.any(String),
      rintCommitment: expect.stringMatching(/^0404/),
    });
    const config = await db.selectFrom("launch_configs").select(["seed", "host", "port"]).executeTakeFirstOrThrow();
    expect(config).toEqual({ seed: String(json["seed"]), host: "127.0.0.1", port: 31_000 });
    expect((await outboxOf(db, "miner_broadcast")).map(({ reason }) => reason)).toEqual(["instance_created"]);
  });

  test("of an SDK without sessions needs no channel keys", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner, chute: { chutesVersion: "0.3.30" } });
    const { status, json } = await container.claim();
    expect([status, "validator_pubkey" in json]).toEqual([200, false]);
    const verified = await container.verify();
    expect(verified.status).toBe(200);
    expect(verified.json).not.toHaveProperty("code");
  });

  type Change = (offer: Record<string, unknown>) => Record<string, unknown> | Promise<Record<string, unknown>>;
  const refusals: readonly (readonly [title: string, change: Change, status: number, detail: string])[] = [
    ["no GPU", () => ({ gpus: [] }), 400, "requires exactly 1"],
    ["a GPU of nobody", () => ({ gpus: [{ uuid: "f".repeat(32) }] }), 404, "not in your inventory"],
    ["another address than its GPU's", () => ({ host: "10.0.0.9" }), 400, "was verified at"],
    ["a malformed address", () => ({ host: "bad_host" }), 400, "Invalid host"],
    ["no ports", () => ({ port_mappings: [] }), 400, "port_mappings"],
    ["another network policy", () => ({ egress: true }), 403, "egress"],
    ["no session key", () => ({ rint_pubkey: null }), 403, "session key"],
    ["another launch's nonce", () => ({ rint_nonce: "0".repeat(32) }), 403, "nonce of this launch"],
    [
      "a broken commitment",
      (o) => ({ rint_commitment: flipLast(o["rint_commitment"]) }),
      403,
      "rint_commitment is invalid",
    ],
    [
      "another launch's certificate",
      async () => ({ tls_cert: await certificate("CN=other.int.chutes.dev") }),
      403,
      "issued to",
    ],
    ["no certificate at all", () => ({ tls_cert: "PEM" }), 403, "not a PEM certificate"],
    ["an unsigned certificate", (o) => ({ tls_cert_sig: flipLast(o["tls_cert_sig"]) }), 403, "tls_cert_sig"],
  ];

  test("that does not hold fails the launch for good, with a reason, and leaves no instance", async ({
    api,
    db,
    miner,
  }) => {
    await launched({ api, db, miner });
    for (const [title, change, status, detail] of refusals) {
      const container = containerFor(api, await askForLaunch(api, miner), { gpus: [GPU], port: 31_000 });
      await container.nonce();
      const answer = await container.claim(await change(await container.offer()));
      expect([title, answer.status]).toEqual([title, status]);
      expect(detailOf(answer)).toContain(detail);
      const failed = await db
        .selectFrom("launch_configs")
        .select(["failed_at", "verification_error"])
        .where("config_id", "=", container.configId)
        .executeTakeFirstOrThrow();
      expect(failed).toEqual({ failed_at: api.now(), verification_error: expect.stringContaining(detail) });
      expect((await container.claim()).status).toBe(401);
    }
    expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([]);
  });

  test("with a body of the wrong shape is told so and may be repeated", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner });
    await container.nonce();
    expect((await container.claim({ host: 7 })).status).toBe(422);
    expect((await container.claim({ rint_pubkey: "zz" })).status).toBe(422);
    expect((await container.claim()).status).toBe(200);
  });

  test("of an SDK between the two session generations says what to do", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner, chute: { chutesVersion: "0.5.2" } });
    await container.nonce();
    const answer = await container.claim();
    expect([answer.status, detailOf(answer)]).toEqual([503, expect.stringContaining("rebuild the image")]);
  });

  test("at a taken address, or with a taken GPU, is a conflict", async ({ api, db, miner, rival }) => {
    await givenChute(db, { chuteId: "busy", nodeSelector: { gpu_count: 1 } });
    await givenGpu(db, { uuid: "theirs", hotkey: rival.address });
    await givenInstance(db, {
      instanceId: "i1",
      chuteId: "busy",
      hotkey: rival.address,
      port: 31_000,
      gpus: ["theirs"],
    });
    const first = await launched({ api, db, miner });
    await first.nonce();
    expect((await first.claim()).status).toBe(409);
    const second = containerFor(api, await askForLaunch(api, miner), { gpus: [GPU], port: 31_500 });
    await second.nonce();
    expect((await second.claim()).status).toBe(200);
    const third = containerFor(api, await askForLaunch(api, miner), { gpus: [GPU], port: 32_000 });
    await third.nonce();
    const answer = await third.claim();
    expect([answer.status, detailOf(answer)]).toEqual([409, expect.stringContaining("already in use")]);
  });

  test("on the open internet needs an address that no other miner uses", async ({ db, log, stack, miner, rival }) => {
    const strict = stack.use(await startMinerApi({ db, log, settings: { instances: { allowPrivateHosts: false } } }));
    await givenChute(db, { chuteId: CHUTE });
    const claimAt = async (signer: typeof miner, settings: { uuid: string; host: string; port: number }) => {
      await givenGpu(db, { ...settings, hotkey: signer.address });
      const where = { gpus: [settings.uuid], port: settings.port };
      const container = containerFor(strict, await askForLaunch(strict, signer), where);
      await container.nonce();
      return container.claim({ host: settings.host });
    };
    expect(await claimAt(miner, { uuid: "g0", host: "127.0.0.1", port: 31_000 })).toMatchObject({ status: 400 });
    expect(await claimAt(miner, { uuid: "g1", host: "8.8.8.8", port: 31_000 })).toMatchObject({ status: 200 });
    const refused = await claimAt(rival, { uuid: "g2", host: "8.8.8.8", port: 32_000 });
    expect([refused.status, detailOf(refused)]).toEqual([400, "Host 8.8.8.8 is in use by another miner"]);
    expect(await claimAt(miner, { uuid: "g3", host: "8.8.8.8", port: 33_000 })).toMatchObject({ status: 200 });
  });

  test("of two for the last place one is at capacity", async ({ api, db, miner, rival }) => {
    await givenChute(db, { chuteId: CHUTE });
    await givenInstance(db, { instanceId: "i1", chuteId: CHUTE, hotkey: "somebody" });
    await api.redis.set(redisKeys.scaleTarget(CHUTE), "2");
    const containers = [];
    for (const [index, signer] of [miner, rival].entries()) {
      await givenGpu(db, { uuid: `gpu-${index}`, hotkey: signer.address });
      const where = { gpus: [`gpu-${index}`], port: 32_000 + 10 * index };
      containers.push(containerFor(api, await askForLaunch(api, signer), where));
    }
    for (const container of containers) await container.nonce();
    const answers = await Promise.all(containers.map((container) => container.claim()));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 423]);
  });

  test("during a rolling update takes one of the miner's places", async ({ api, db, miner }) => {
    const container = await launched({ api, db, miner });
    await givenInstance(db, { instanceId: "i1", chuteId: CHUTE, hotkey: miner.address, port: 33_000 });
    await db
      .insertInto("rolling_updates")
      .values({
        chute_id: CHUTE,
        old_version: "v0",
        new_version: "v1",
        permitted: JSON.stringify({ [miner.address]: 1 }),
        started_at: api.now(),
      })
      .execute();
    await container.nonce();
    expect((await container.claim()).status).toBe(200);
    const { permitted } = await db.selectFrom("rolling_updates").select("permitted").executeTakeFirstOrThrow();
    expect(permitted).toEqual({ [miner.address]: 0 });
    expect((await askForLaunch(api, miner)).status).toBe(423);
  });
});

function flipLast(hex: unknown): string {
  const text = String(hex);
  return `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`;
}

import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { call, deploy, givenDeveloper, givenImage, startAccountApi } from "../../../support/account-api.js";
import { askForLaunch, containerFor, GPU, launchedUntil } from "../../../support/launches.js";
import { startMinerApi } from "../../../support/miner-api.js";
import { givenGpu } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const PUBLIC_DEPLOYMENT = 1 << 11;

test("a verified instance is told the secrets of its chute in clear, and no other chute's", async ({
  db,
  log,
  stack,
  miner,
}) => {
  const accounts = stack.use(await startAccountApi({ db, log }));
  const owner = await givenDeveloper(accounts, { username: "alice", balanceUsd: 100, permissions: PUBLIC_DEPLOYMENT });
  await givenImage(accounts, owner, { public: true });
  const nodeSelector = { gpu_count: 1, include: ["h100_sxm"] };
  const chutes = [];
  for (const name of ["mine", "other"]) {
    const deployed = await deploy(accounts, owner, { name, public: true, node_selector: nodeSelector });
    chutes.push(deployed.json<{ chute_id: string }>().chute_id);
    const body = { purpose: name, key: "HF_TOKEN", value: `token of ${name} "ü"` };
    expect((await call(accounts, { url: "/secrets/", signer: owner.signer, body })).statusCode).toBe(200);
  }
  const extra = { purpose: "mine", key: "__proto__", value: "kept" };
  expect((await call(accounts, { url: "/secrets/", signer: owner.signer, body: extra })).statusCode).toBe(200);

  const { walletKey, pgEncryptionKey } = accounts.config.accounts;
  const settings = { accounts: { launchConfigKey: "launch-secret", ipCheckSalt: "salt", walletKey, pgEncryptionKey } };
  const api = stack.use(await startMinerApi({ db, log, settings }));
  await givenGpu(db, { uuid: GPU, hotkey: miner.address });
  const container = containerFor(api, await askForLaunch(api, miner, chutes[0]), { gpus: [GPU], port: 31_000 });
  await container.nonce();
  const claimed = await container.claim();
  expect(claimed.status).toBe(200);
  expect(claimed.text).not.toContain("token of");
  const verified = await container.verify();
  expect(verified.status).toBe(200);
  const secrets = verified.json["secrets"] as Record<string, unknown>;
  expect(Object.entries(secrets).sort()).toEqual([
    ["HF_TOKEN", 'token of mine "ü"'],
    ["PYTHONDONTWRITEBYTECODE", "1"],
    ["__proto__", "kept"],
  ]);
});

test("a secret that the platform's keys do not open leaves the launch as it was", async ({ api, db, miner }) => {
  const container = await launchedUntil("claimed", { api, db, miner });
  const { chute_id, user_id } = await db.selectFrom("chutes").select(["chute_id", "user_id"]).executeTakeFirstOrThrow();
  const secret = { secret_id: randomUUID(), user_id, purpose: chute_id, key: "A", value: "00", created_at: api.now() };
  await db.insertInto("secrets").values(secret).execute();
  expect(await container.verify()).toMatchObject({ status: 500 });
  await db.deleteFrom("secrets").execute();
  expect(await container.verify()).toMatchObject({ status: 200 });
});

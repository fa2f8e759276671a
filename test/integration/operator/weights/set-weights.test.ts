import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished } from "vitest";
import type { ChainClient } from "../../../../src/infra/chain/client.js";
import { openChain } from "../../../../src/infra/chain/open.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { loadConfig } from "../../../../src/kernel/config/load.js";
import { setWeightsOnce } from "../../../../src/operator/weights/open-weights.js";
import { setWeights } from "../../../../src/operator/weights/set-weights.js";
import type { SubmitDeps } from "../../../../src/operator/weights/submit-weights.js";
import { initCrypto, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { encodeSs58 } from "../../../../src/wire/ss58.js";
import { type ChainUnderTest, startLocalChain } from "../../../fakes/chain-local.js";
import { test as base } from "../../../support/fixtures.js";
import { givenWorkedExample } from "../../../support/worked-example-rows.js";
import { AS_OF, KEYS, METAGRAPH } from "../../../unit/domain/scoring/worked-example.js";

const SEED = "11".repeat(32);
const VALIDATOR_UID = 1;
/** @see protocol 07 §4.2: `instance-lifetime`, max-scaled */
const EXPECTED = [
  { uid: 0, value: 66 },
  { uid: 3, value: 56_262 },
  { uid: 5, value: 65_535 },
  { uid: 9, value: 6937 },
];

interface Fixtures {
  net: ChainUnderTest;
  chain: ChainClient;
  weightsDeps: SubmitDeps;
}

const config = loadConfig({ env: {}, overrides: { environment: "dev", netuid: 64 } });

const test = base.extend<Fixtures>({
  net: async ({ db, log }, use) => {
    await initCrypto();
    const net = await startLocalChain({ db, log });
    await use(net);
    await net.close();
  },
  chain: async ({ net, log }, use) => {
    await use(await openChain({ url: net.url, timeoutMs: 5000 }, log));
  },
  weightsDeps: async ({ db, chain }, use) => {
    const { signal } = new AbortController();
    await use({ config, db, chain, signer: keypairFromSeed(SEED), now: () => AS_OF, signal, readBackMs: 2000 });
  },
});

/** The example's keys at their uids, the validator at uid 1, nobodies between. */
async function givenSubnet(net: ChainUnderTest, validatorPermit = true): Promise<void> {
  const validator = keypairFromSeed(SEED).address;
  const neurons = Array.from({ length: 13 }, (_, uid) => {
    if (uid === VALIDATOR_UID) return { hotkey: validator, coldkey: validator, validatorPermit, taoStakeRao: 1n };
    const known = METAGRAPH.find((entry) => entry.uid === uid)?.hotkey;
    const hotkey = known ?? encodeSs58(Buffer.alloc(32, 200 + uid));
    return { hotkey, coldkey: hotkey };
  });
  await net.chain.register(neurons);
}

function submissions(db: Db) {
  return db.selectFrom("weight_submissions").selectAll().orderBy("submission_id").execute();
}

test("a dry run shows every miner's weight and submits nothing", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const report = await setWeights(weightsDeps, { dryRun: true });
  expect(report).toMatchObject({
    netuid: 64,
    profile: "instance-lifetime",
    as_of: "2026-01-08T00:00:00.000Z",
    uid: VALIDATOR_UID,
    outcome: "dry-run",
    block: null,
  });
  expect(report.weights.map(({ uid, value }) => ({ uid, value }))).toEqual(EXPECTED);
  expect(report.weights[2]).toMatchObject({ hotkey: KEYS.Bob, score: expect.closeTo(0.508811532, 9) as number });
  expect(await net.client.weights(64, VALIDATOR_UID)).toEqual([]);
  expect(await submissions(db)).toEqual([]);
});

test("weights are submitted, read back and kept with the scores they came from", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const report = await setWeights(weightsDeps, { dryRun: false });
  const head = await net.client.head();
  expect(report).toMatchObject({ outcome: "submitted", block: head.number, next_block: null });
  expect(await net.client.weights(64, VALIDATOR_UID)).toEqual(EXPECTED);
  const [kept] = await submissions(db);
  expect(kept).toMatchObject({ netuid: 64, as_of: AS_OF, weights: EXPECTED, block: head.number, error: null });
  expect(kept?.read_back_at).toEqual(AS_OF);
  expect(Object.keys(kept?.scores as object).sort()).toEqual([KEYS.Alice, KEYS.Bob, KEYS.Charlie, KEYS.Eve].sort());
});

test("within the rate limit nothing is submitted and the report says from when on it may be", async ({
  net,
  db,
  weightsDeps,
}) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const { block } = await setWeights(weightsDeps, { dryRun: false });
  net.passBlocks(99);
  const again = await setWeights(weightsDeps, { dryRun: false });
  expect(again).toMatchObject({ outcome: "too-soon", block: null, next_block: (block ?? 0) + 100 });
  expect(await submissions(db)).toHaveLength(1);
  net.passBlocks(1);
  expect((await setWeights(weightsDeps, { dryRun: false })).outcome).toBe("submitted");
});

test("without a positive score nothing is submitted", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  expect(await setWeights(weightsDeps, { dryRun: false })).toMatchObject({ outcome: "nothing-to-submit", weights: [] });
  expect(await net.client.weights(64, VALIDATOR_UID)).toEqual([]);
  expect(await submissions(db)).toEqual([]);
});

test("scores as of another time are those of that time", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const asOf = new Date("2026-01-01T09:00:00Z");
  const report = await setWeights(weightsDeps, { dryRun: true, asOf });
  expect(report.weights.map(({ hotkey }) => hotkey)).toEqual([KEYS.Bob, KEYS.Charlie]);
});

test("keys that left the subnet since the last sync get nothing", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  await db.updateTable("metagraph_nodes").set({ hotkey: "left" }).where("hotkey", "=", KEYS.Bob).execute();
  await db.updateTable("instance_audit").set({ miner_hotkey: "left" }).where("miner_hotkey", "=", KEYS.Bob).execute();
  const report = await setWeights(weightsDeps, { dryRun: true });
  expect(report.weights.map(({ hotkey }) => hotkey)).toEqual([KEYS.Eve, KEYS.Alice, KEYS.Charlie]);
});

test("an unregistered hotkey is told so before anything is computed", async ({ weightsDeps }) => {
  await expect(setWeights(weightsDeps, { dryRun: true })).rejects.toMatchObject({ kind: "not_found", code: "CHN002" });
});

test("07 §4.2: a limit of the subnet is kept to, after rounding too", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  for (const maxLimit of [30_000, 29_999, 20_001, 16_384]) {
    await net.chain.setRules({ maxLimit, rateLimitBlocks: 0 });
    const { weights } = await setWeights(weightsDeps, { dryRun: false });
    const sum = weights.reduce((total, { value }) => total + value, 0);
    expect(Math.max(...weights.map(({ value }) => value)) * 65_535).toBeLessThanOrEqual(maxLimit * sum);
    expect(weights).toHaveLength(4);
  }
});

test("what the chain refuses is reported by its name and noted", async ({ net, db, weightsDeps }) => {
  await givenSubnet(net, false);
  await givenWorkedExample(db);
  await expect(setWeights(weightsDeps, { dryRun: false })).rejects.toMatchObject({ kind: "conflict", code: "CHN002" });
  expect(await submissions(db)).toMatchObject([
    { block: null, read_back_at: null, error: "the chain refused set_weights: NeuronNoValidatorPermit" },
  ]);
});

/** Passes every call on, and doubles the first value of every weights row on its way back. */
async function startLyingProxy(target: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const answer = await fetch(new URL("/rpc", target), { method: "POST", body });
    const parsed = (await answer.json()) as { result?: { value: number }[] };
    const { method } = JSON.parse(body) as { method: string };
    const first = method === "weights" ? parsed.result?.[0] : undefined;
    if (first !== undefined) first.value *= 2;
    response.writeHead(answer.status).end(JSON.stringify(parsed));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("CHN003: a row on chain that is not the submitted one fails, and the note says so", async ({
  net,
  db,
  log,
  weightsDeps,
}) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const chain = await openChain({ url: await startLyingProxy(net.url), timeoutMs: 5000 }, log);
  const wrong = setWeights({ ...weightsDeps, chain, readBackMs: 100 }, { dryRun: false });
  await expect(wrong).rejects.toMatchObject({ kind: "conflict", code: "CHN003" });
  const [kept] = await submissions(db);
  expect(kept).toMatchObject({ read_back_at: null, error: expect.stringContaining("not those submitted") as string });
  expect(kept?.block).toBe((await net.client.head()).number);
});

test("stopped while it waits for the row, it says that and not that the row is wrong", async ({
  net,
  db,
  log,
  weightsDeps,
}) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const chain = await openChain({ url: await startLyingProxy(net.url), timeoutMs: 5000 }, log);
  const { signal } = { signal: AbortSignal.timeout(300) };
  await expect(setWeights({ ...weightsDeps, chain, signal }, { dryRun: false })).rejects.toMatchObject({
    kind: "aborted",
  });
});

test("the one-shot opens what it needs from the configuration and closes it", async ({ net, db, databaseUrl, log }) => {
  await givenSubnet(net);
  await givenWorkedExample(db);
  const settings = { postgres: { url: databaseUrl }, chain: { url: net.url }, validator: { seed: SEED } };
  const own = loadConfig({ env: {}, overrides: { environment: "dev", netuid: 64, ...settings } });
  const ctx = { config: own, log, now: () => AS_OF, signal: new AbortController().signal };
  expect((await setWeightsOnce(ctx, { dryRun: false })).outcome).toBe("submitted");
  const noSeed = loadConfig({ env: {}, overrides: { ...settings, validator: {} } });
  await expect(setWeightsOnce({ ...ctx, config: noSeed }, { dryRun: true })).rejects.toMatchObject({ code: "CFG003" });
});

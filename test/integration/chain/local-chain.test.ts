import { expect } from "vitest";
import { chainErrorName } from "../../../src/infra/chain/errors.js";
import type { LocalChainClient } from "../../../src/infra/chain/local-rpc.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../../src/wire/keypair.js";
import { encodeSs58 } from "../../../src/wire/ss58.js";
import { ALICE, BOB, CHARLIE } from "../../fakes/chain-accounts.js";
import { type ChainUnderTest, startLocalChain } from "../../fakes/chain-local.js";
import { test as base } from "../../support/fixtures.js";

const test = base.extend<{ net: ChainUnderTest; alice: Keypair; bob: Keypair }>({
  net: async ({ db, log }, use) => {
    const net = await startLocalChain({ db, log });
    await use(net);
    await net.close();
  },
  alice: async ({ net: _ }, use) => {
    await initCrypto();
    await use(keypairFromSeed(ALICE.seed));
  },
  bob: async ({ alice: _ }, use) => {
    await use(keypairFromSeed(BOB.seed));
  },
});

/** Alice validates as uid 0; Bob and Charlie are miners 1 and 2. */
async function givenSubnet(net: ChainUnderTest): Promise<void> {
  await net.chain.register([
    {
      hotkey: ALICE.address,
      coldkey: BOB.address,
      alphaStakeRao: 5_000_000_000n,
      taoStakeRao: 7n,
      validatorPermit: true,
    },
    { hotkey: BOB.address, coldkey: BOB.address, incentive: 1200, ip: "203.0.113.7", port: 32_000 },
    { hotkey: CHARLIE.address, coldkey: CHARLIE.address },
  ]);
}

function setWeights(client: LocalChainClient, signer: Keypair, entries: Record<number, number>) {
  const weights = Object.entries(entries).map(([uid, value]) => ({ uid: Number(uid), value }));
  return client.setWeights(signer, { netuid: 64, weights, versionKey: 69_420n });
}

async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => "accepted",
    (error: unknown) => chainErrorName(error),
  );
}

test("blocks tick with the clock; the finalized head trails; a block to come does not exist", async ({ net }) => {
  const first = await net.client.head();
  net.passBlocks(5);
  const head = await net.client.head();
  expect(head.number).toBe(first.number + 5);
  expect(head.time.getTime() - first.time.getTime()).toBe(5 * 12_000);
  expect(await net.client.blockAt(first.number)).toEqual(first);
  expect(await net.client.finalizedHead()).toEqual(await net.client.blockAt(head.number - 2));
  expect(await net.client.blockAt(head.number + 1)).toBeUndefined();
  expect(await net.client.blockAt(Number.MAX_SAFE_INTEGER)).toBeUndefined();
});

test("the metagraph lists registered keys by uid with stakes to the last rao", async ({ net }) => {
  await givenSubnet(net);
  const metagraph = await net.client.metagraph(64);
  expect(metagraph.block).toBe((await net.client.head()).number);
  expect(metagraph.neurons.map((neuron) => [neuron.uid, neuron.hotkey])).toEqual([
    [0, ALICE.address],
    [1, BOB.address],
    [2, CHARLIE.address],
  ]);
  expect(metagraph.neurons[0]).toMatchObject({
    coldkey: BOB.address,
    validatorPermit: true,
    taoStakeRao: 7n,
    alphaStakeRao: 5_000_000_000n,
    totalStakeRao: 5_000_000_007n,
    lastUpdateBlock: 0,
  });
  expect(metagraph.neurons[1]).toMatchObject({ incentive: 1200, ip: "203.0.113.7", ipType: 4, port: 32_000 });
});

test("registering a known key again keeps its uid and updates the rest", async ({ net }) => {
  await givenSubnet(net);
  const uids = await net.chain.register([
    { hotkey: "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy", coldkey: BOB.address },
    { hotkey: BOB.address, coldkey: CHARLIE.address, alphaStakeRao: 3n },
  ]);
  expect(Object.fromEntries(uids)).toEqual({ "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy": 3, [BOB.address]: 1 });
  expect((await net.client.metagraph(64)).neurons[1]).toMatchObject({ coldkey: CHARLIE.address, alphaStakeRao: 3n });
});

test("a full subnet takes no more keys, from nobody", async ({ net, bob }) => {
  const others = Array.from({ length: 256 }, (_, index) => encodeSs58(Buffer.alloc(32, index + 1).fill(7, 0, 31)));
  await net.chain.register(others.map((hotkey) => ({ hotkey, coldkey: ALICE.address })));
  expect(await refusalOf(net.chain.register([{ hotkey: ALICE.address, coldkey: ALICE.address }]))).toBe(
    "NoNeuronIdAvailable",
  );
  expect(await refusalOf(net.client.register(bob, { netuid: 64, coldkey: BOB.address }))).toBe("NoNeuronIdAvailable");
  expect((await net.client.metagraph(64)).neurons).toHaveLength(256);
});

test("a subnet that does not exist is not found", async ({ net, alice }) => {
  await expect(net.client.metagraph(65)).rejects.toMatchObject({ kind: "not_found" });
  await expect(net.client.weightRules(65)).rejects.toMatchObject({ kind: "not_found" });
  expect(await net.client.weights(65, 0)).toEqual([]);
  const call = { netuid: 65, weights: [], versionKey: 0n };
  expect(await refusalOf(net.client.setWeights(alice, call))).toBe("MechanismDoesNotExist");
});

test("weights are stored max-upscaled, by uid, and mark the validator's last update", async ({ net, alice }) => {
  await givenSubnet(net);
  net.passBlocks(9);
  const included = await setWeights(net.client, alice, { 2: 13, 0: 100, 1: 250 });
  const head = await net.client.head();
  expect(included).toEqual({ block: head.number, blockHash: head.hash });
  expect(await net.client.weights(64, 0)).toEqual([
    { uid: 0, value: 26_214 },
    { uid: 1, value: 65_535 },
    { uid: 2, value: 3408 },
  ]);
  expect((await net.client.metagraph(64)).neurons[0]?.lastUpdateBlock).toBe(head.number);
  expect(await net.client.weights(64, 1)).toEqual([]);
});

test("the rate limit counts blocks from the last accepted weights", async ({ net, alice }) => {
  await givenSubnet(net);
  await setWeights(net.client, alice, { 1: 1 });
  net.passBlocks(99);
  expect(await refusalOf(setWeights(net.client, alice, { 2: 1 }))).toBe("SettingWeightsTooFast");
  net.passBlocks(1);
  await setWeights(net.client, alice, { 2: 1 });
  expect(await net.client.weights(64, 0)).toEqual([{ uid: 2, value: 65_535 }]);
});

test("refusals carry the chain's own names and change nothing", async ({ net, alice, bob }) => {
  await givenSubnet(net);
  expect(await refusalOf(setWeights(net.client, bob, { 0: 1 }))).toBe("NeuronNoValidatorPermit");
  expect(await refusalOf(setWeights(net.client, alice, { 3: 1 }))).toBe("UidVecContainInvalidOne");
  expect(await refusalOf(setWeights(net.client, alice, { 0: 1, 1: 1, 2: 1, 3: 1 }))).toBe(
    "UidsLengthExceedUidsInSubNet",
  );
  await net.chain.setRules({ minAllowed: 3, maxLimit: 30_000 });
  expect(await refusalOf(setWeights(net.client, alice, { 1: 1 }))).toBe("WeightVecLengthIsLow");
  expect(await refusalOf(setWeights(net.client, alice, { 0: 1, 1: 5, 2: 1 }))).toBe("MaxWeightExceeded");
  await net.chain.setRules({ versionKey: 70_000n });
  expect(await refusalOf(setWeights(net.client, alice, { 1: 1 }))).toBe("IncorrectWeightVersionKey");
  await net.chain.setRules({ commitReveal: true });
  expect(await refusalOf(setWeights(net.client, alice, { 1: 1 }))).toBe("CommitRevealEnabled");
  expect(await net.client.weightRules(64)).toEqual({
    commitReveal: true,
    rateLimitBlocks: 100,
    versionKey: 70_000n,
    minAllowed: 3,
    maxLimit: 30_000,
  });
  expect(await net.client.weights(64, 0)).toEqual([]);
});

test("a refusal is a conflict that names the call and the error", async ({ net, bob }) => {
  await net.chain.register([{ hotkey: ALICE.address, coldkey: ALICE.address }]);
  await expect(setWeights(net.client, bob, { 0: 1 })).rejects.toMatchObject({
    kind: "conflict",
    code: "CHN002",
    message: "the chain refused set_weights: HotKeyNotRegisteredInSubNet",
  });
});

test("a commitment is found in exactly its block; the last of a block counts", async ({ net, alice }) => {
  await givenSubnet(net);
  const commit = (fill: string) => net.client.setCommitment(alice, { netuid: 64, sha256Hex: fill.repeat(32) });
  const { block } = await commit("11");
  await commit("22");
  net.passBlocks(1);
  const later = await commit("33");
  const at = (number: number) => net.client.commitmentAt({ netuid: 64, hotkey: ALICE.address, block: number });
  expect(later.block).toBe(block + 1);
  expect(await at(block)).toEqual({ kind: "sha256", hex: "22".repeat(32) });
  expect(await at(block + 1)).toEqual({ kind: "sha256", hex: "33".repeat(32) });
  expect(await at(block + 2)).toEqual({ kind: "absent" });
  expect(await at(Number.MAX_SAFE_INTEGER)).toEqual({ kind: "absent" });
  expect(await net.client.commitmentAt({ netuid: 64, hotkey: BOB.address, block })).toEqual({ kind: "absent" });
});

test("the latest commitment of a hotkey is its newest, with the block that holds it", async ({ net, alice, bob }) => {
  await givenSubnet(net);
  const commit = (signer: Keypair, fill: string) =>
    net.client.setCommitment(signer, { netuid: 64, sha256Hex: fill.repeat(32) });
  expect(await net.client.latestCommitment(64, ALICE.address)).toBeUndefined();
  await commit(alice, "11");
  net.passBlocks(3);
  const { block } = await commit(alice, "22");
  net.passBlocks(400);
  await commit(bob, "33");
  expect(await net.client.latestCommitment(64, ALICE.address)).toEqual({ sha256Hex: "22".repeat(32), block });
  expect(await net.client.latestCommitment(65, ALICE.address)).toBeUndefined();
});

test("08 §2.7: an unregistered key may not commit, and nobody more than 31 times an epoch", async ({
  net,
  alice,
  bob,
}) => {
  await net.chain.register([{ hotkey: ALICE.address, coldkey: ALICE.address }]);
  const commit = (signer: Keypair) => net.client.setCommitment(signer, { netuid: 64, sha256Hex: "ab".repeat(32) });
  expect(await refusalOf(commit(bob))).toBe("AccountNotAllowedCommit");
  for (let count = 0; count < 31; count += 1) await commit(alice);
  expect(await refusalOf(commit(alice))).toBe("SpaceLimitExceeded");
  net.passBlocks(360);
  await commit(alice);
});

test("a key can register itself once, without stake or permit", async ({ net, bob }) => {
  await net.chain.register([{ hotkey: ALICE.address, coldkey: ALICE.address }]);
  await net.client.register(bob, { netuid: 64, coldkey: CHARLIE.address });
  expect((await net.client.metagraph(64)).neurons[1]).toMatchObject({
    uid: 1,
    hotkey: BOB.address,
    coldkey: CHARLIE.address,
    totalStakeRao: 0n,
    validatorPermit: false,
  });
  expect(await refusalOf(net.client.register(bob, { netuid: 64, coldkey: CHARLIE.address }))).toBe(
    "HotKeyAlreadyRegisteredInSubNet",
  );
  expect(await refusalOf(net.client.register(bob, { netuid: 65, coldkey: CHARLIE.address }))).toBe(
    "MechanismDoesNotExist",
  );
});

test("concurrent submissions of one key all land, each with a nonce of its own", async ({ net, alice }) => {
  await givenSubnet(net);
  const commits = Array.from({ length: 6 }, (_, index) =>
    net.client.setCommitment(alice, { netuid: 64, sha256Hex: String(index).repeat(64) }),
  );
  await Promise.all(commits);
  expect((await net.chain.account(alice.address)).nextNonce).toBe(7n);
});

test("of two concurrent weights calls exactly one passes the rate limit", async ({ net, alice }) => {
  await givenSubnet(net);
  const outcomes = await Promise.all([
    refusalOf(setWeights(net.client, alice, { 1: 1 })),
    refusalOf(setWeights(net.client, alice, { 2: 1 })),
  ]);
  expect(outcomes.sort()).toEqual(["SettingWeightsTooFast", "accepted"]);
});

test("the chain goes on where it stood when its process is replaced, even with the clock set back", async ({
  net,
  db,
  log,
  alice,
}) => {
  await givenSubnet(net);
  net.passBlocks(40);
  const { block, blockHash } = await setWeights(net.client, alice, { 1: 1 });
  await net.close();
  const again = await startLocalChain({ db, log });
  expect(await again.client.head()).toMatchObject({ number: block, hash: blockHash });
  expect(await refusalOf(setWeights(again.client, alice, { 1: 1 }))).toBe("SettingWeightsTooFast");
  expect((await again.client.metagraph(64)).neurons).toHaveLength(3);
  await again.close();
});

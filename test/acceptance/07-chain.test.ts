import { expect } from "vitest";
import { metagraphChecksum, metagraphNodeOf } from "../../src/domain/metagraph/metagraph-node.js";
import { chainErrorName } from "../../src/infra/chain/errors.js";
import { keypairFromSeed } from "../../src/wire/keypair.js";
import { ALICE, BOB, CHARLIE } from "../fakes/chain-accounts.js";
import { nodeTest } from "../fakes/chain-fixtures.js";
import { startLocalChain } from "../fakes/chain-local.js";
import { systemSuccess } from "../fakes/chain-node.js";
import { test } from "../support/fixtures.js";

const SET_WEIGHTS = "070040000c0100020007000cffff008064002c0f010000000000";
const SET_COMMITMENT = "12004000048300112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const COMMIT_REVEAL_64 = "0x658faa385070e074c85bf6b568cf05558fb0d3eb3d4ea01122652b09d1d43c654000";
const WEIGHTS_64_3 = "0x658faa385070e074c85bf6b568cf0555a1e7036061f484bc3048a64b64e35ec440000300";
const COMMITMENT_64_ALICE =
  "0xca407206ec1ab726b2636c4b145ac287419a60ae8b01e6dcaebd7317e43c69bf4000518366b5b1bc7c99d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

nodeTest("07 §11.1: the calls we send have the listed bytes", async ({ node, chain }) => {
  node.addBlock({ extrinsics: [], timeMs: 12_000 });
  node.storage.set(COMMIT_REVEAL_64, "0x00");
  const alice = keypairFromSeed(ALICE.seed);
  const weights = [
    { uid: 1, value: 65_535 },
    { uid: 2, value: 32_768 },
    { uid: 7, value: 100 },
  ];
  await chain.setWeights(alice, { netuid: 64, weights, versionKey: 69_420n });
  await chain.setCommitment(alice, { netuid: 64, sha256Hex: "00112233445566778899aabbccddeeff".repeat(2) });
  expect(node.submitted.map((sent) => sent.callData)).toEqual([SET_WEIGHTS, SET_COMMITMENT]);
});

nodeTest("07 §11.2: state is read at the listed keys", async ({ node, chain }) => {
  node.addBlock({ extrinsics: [], timeMs: 12_000 });
  node.storage.set(COMMIT_REVEAL_64, "0x00");
  node.storage.set(WEIGHTS_64_3, "0x080700ffff02000080");
  expect((await chain.weightRules(64)).commitReveal).toBe(false);
  expect(await chain.weights(64, 3)).toEqual([
    { uid: 2, value: 32_768 },
    { uid: 7, value: 65_535 },
  ]);
  expect(await chain.weights(64, 4)).toEqual([]);

  const block = node.addBlock({ extrinsics: [], timeMs: 1, events: [systemSuccess(0)] });
  node.discardedBodies.add(block.hash);
  const registration = `0x${"00".repeat(8)}02000000${"0483"}${"ab".repeat(32)}`;
  node.storageAt.get(block.hash)?.set(COMMITMENT_64_ALICE, registration);
  expect(await chain.commitmentAt({ netuid: 64, hotkey: ALICE.address, block: 2 })).toEqual({
    kind: "sha256",
    hex: "ab".repeat(32),
  });
});

test("07 §11.4: the checksum of a metagraph row", () => {
  const node = metagraphNodeOf(64, {
    uid: 3,
    hotkey: ALICE.address,
    coldkey: BOB.address,
    incentive: 1200,
    consensus: 0,
    taoStakeRao: 0n,
    alphaStakeRao: 10_500_000_000n,
    totalStakeRao: 10_500_000_000n,
    lastUpdateBlock: 7_000_000,
    ip: "203.0.113.7",
    ipType: 4,
    port: 32_000,
    protocol: 4,
  });
  expect(metagraphChecksum(node)).toBe("e4aa13f9fd53bc304937bef92b9b763e42f4d15c011e881571a76e0dbff17245");
});

test("07 §11.7, §11.9: weights are stored max-upscaled and a second submission in the rate limit is refused", async ({
  db,
  log,
}) => {
  const net = await startLocalChain({ db, log });
  await net.chain.register([
    { hotkey: ALICE.address, coldkey: ALICE.address, validatorPermit: true },
    ...[BOB, CHARLIE].map(({ address }) => ({ hotkey: address, coldkey: address })),
    { hotkey: "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy", coldkey: ALICE.address },
  ]);
  const alice = keypairFromSeed(ALICE.seed);
  const submit = () =>
    net.client.setWeights(alice, {
      netuid: 64,
      weights: [100, 250, 13].map((value, index) => ({ uid: index + 1, value })),
      versionKey: 69_420n,
    });
  await submit();
  expect(await net.client.weights(64, 0)).toEqual([
    { uid: 1, value: 26_214 },
    { uid: 2, value: 65_535 },
    { uid: 3, value: 3408 },
  ]);
  net.passBlocks(99);
  const error: unknown = await submit().catch((thrown: unknown) => thrown);
  expect(chainErrorName(error)).toBe("SettingWeightsTooFast");
  await net.close();
});

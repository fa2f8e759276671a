import { expect } from "vitest";
import { ALICE, BOB } from "../../fakes/chain-accounts.js";
import { publicKeyOf, nodeTest as test } from "../../fakes/chain-fixtures.js";
import { commitmentEvent, type FakeNode, signedExtrinsic, systemSuccess } from "../../fakes/chain-node.js";
import { compact, hex, list, option, u8, u16, u32, u64, unhex } from "../../fakes/chain-scale.js";

const COMMITMENT_OF_64_ALICE =
  "0xca407206ec1ab726b2636c4b145ac287419a60ae8b01e6dcaebd7317e43c69bf4000518366b5b1bc7c99d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
const alice = publicKeyOf(ALICE.address);
const bob = publicKeyOf(BOB.address);

/** `set_commitment` with one SHA-256 field of 32 equal bytes. */
function commitCall(fill: string, netuid = 64): Buffer {
  return Buffer.concat([u8(18), u8(0), u16(netuid), compact(1), u8(131), Buffer.from(fill.repeat(32), "hex")]);
}

function batchOf(...calls: Buffer[]): Buffer {
  return Buffer.concat([u8(11), u8(0), list(calls)]);
}

function proxyFor(real: Uint8Array, call: Buffer): Buffer {
  return Buffer.concat([u8(16), u8(0), u8(0), real, option(undefined), call]);
}

/** A block with these transactions; extrinsic 0 is the timestamp, so theirs count from 1. */
function givenBlock(node: FakeNode, extrinsics: readonly Buffer[], events: readonly Buffer[]) {
  return node.addBlock({ extrinsics, timeMs: 1000, events: [systemSuccess(0), ...events] });
}

const at = { netuid: 64, hotkey: ALICE.address, block: 1 };
const sha256 = (fill: string) => ({ kind: "sha256", hex: fill.repeat(32) });

test("the last successful commitment of the hotkey in the block counts", async ({ node, chain }) => {
  const calls = [
    signedExtrinsic(alice, commitCall("11")),
    signedExtrinsic(bob, commitCall("22")),
    signedExtrinsic(alice, commitCall("33")),
    signedExtrinsic(alice, commitCall("44")),
    signedExtrinsic(alice, commitCall("55", 65)),
  ];
  const events = [
    commitmentEvent(1, 64, alice),
    commitmentEvent(2, 64, bob),
    commitmentEvent(3, 64, alice),
    commitmentEvent(5, 65, alice),
  ];
  givenBlock(node, calls, events);
  expect(await chain.commitmentAt(at)).toEqual(sha256("33"));
  expect(await chain.commitmentAt({ ...at, hotkey: BOB.address })).toEqual(sha256("22"));
});

test("a commitment inside a batch, or made through a proxy, is the real key's", async ({ node, chain }) => {
  givenBlock(
    node,
    [
      signedExtrinsic(alice, batchOf(commitCall("11"), commitCall("22"))),
      signedExtrinsic(alice, proxyFor(bob, commitCall("33"))),
    ],
    [commitmentEvent(1, 64, alice), commitmentEvent(1, 64, alice), commitmentEvent(2, 64, bob)],
  );
  expect(await chain.commitmentAt(at)).toEqual(sha256("22"));
  expect(await chain.commitmentAt({ ...at, hotkey: BOB.address })).toEqual(sha256("33"));
});

test("a failed commitment, a block without one, and a block that does not exist are absent", async ({
  node,
  chain,
}) => {
  givenBlock(node, [signedExtrinsic(alice, commitCall("11"))], []);
  givenBlock(node, [], []);
  expect(await chain.commitmentAt(at)).toEqual({ kind: "absent" });
  expect(await chain.commitmentAt({ ...at, block: 2 })).toEqual({ kind: "absent" });
  expect(await chain.commitmentAt({ ...at, block: 3 })).toEqual({ kind: "absent" });
});

test("08 §5: a node that discarded the state still answers from the body", async ({ node, chain }) => {
  const block = givenBlock(node, [signedExtrinsic(alice, commitCall("11"))], [commitmentEvent(1, 64, alice)]);
  givenBlock(node, [], []);
  node.discardedState.add(block.hash).add(block.parentHash);
  expect(await chain.commitmentAt(at)).toEqual(sha256("11"));
});

function givenState(node: FakeNode, hash: string, block: number): void {
  node.storageAt.get(hash)?.set(COMMITMENT_OF_64_ALICE, hex(registrationOf(block, u8(131), "77")));
}

test("what a batch leaves open is settled by the state of that block", async ({ node, chain }) => {
  const batch = signedExtrinsic(alice, batchOf(commitCall("77"), commitCall("88")));
  const block = givenBlock(node, [batch], [commitmentEvent(1, 64, alice)]);
  givenState(node, block.hash, 1);
  expect(await chain.commitmentAt(at)).toEqual(sha256("77"));
});

test("without a body the state answers, and an older commitment there is not this block's", async ({ node, chain }) => {
  const first = givenBlock(node, [], []);
  const second = givenBlock(node, [], []);
  for (const block of [first, second]) {
    node.discardedBodies.add(block.hash);
    givenState(node, block.hash, 1);
  }
  expect(await chain.commitmentAt(at)).toEqual(sha256("77"));
  expect(await chain.commitmentAt({ ...at, block: 2 })).toEqual({ kind: "absent" });
});

test("bytes that cannot be decoded send the question to state; with neither it is unreadable", async ({
  node,
  chain,
}) => {
  const block = givenBlock(node, [unhex("0c04ffff")], []);
  givenBlock(node, [], []);
  expect(await chain.commitmentAt(at)).toEqual({ kind: "absent" });
  node.discardedState.add(block.hash).add(block.parentHash);
  expect(await chain.commitmentAt(at)).toEqual({ kind: "unreadable" });
});

test("the latest commitment is what the state at the best head holds", async ({ node, chain }) => {
  expect(await chain.latestCommitment(64, ALICE.address)).toBeUndefined();
  node.storage.set(COMMITMENT_OF_64_ALICE, hex(registrationOf(7, u8(131), "77")));
  expect(await chain.latestCommitment(64, ALICE.address)).toEqual({ sha256Hex: "77".repeat(32), block: 7 });
  node.storage.set(COMMITMENT_OF_64_ALICE, hex(registrationOf(8, u8(130), "77")));
  expect(await chain.latestCommitment(64, ALICE.address)).toBeUndefined();
});

function registrationOf(block: number, tag: Buffer, fill: string): Buffer {
  return Buffer.concat([u64(0), u32(block), compact(1), tag, Buffer.from(fill.repeat(32), "hex")]);
}

import { blake2AsU8a } from "@polkadot/util-crypto";
import { expect, test as base, vi } from "vitest";
import type { ChainClient } from "../../../src/infra/chain/client.js";
import { chainErrorName } from "../../../src/infra/chain/errors.js";
import { openChain } from "../../../src/infra/chain/open.js";
import { createLogger } from "../../../src/kernel/logger.js";
import { initCrypto, keypairFromSeed, verifySr25519 } from "../../../src/wire/keypair.js";
import { decodeSs58 } from "../../../src/wire/ss58.js";
import { ALICE, BOB, CHARLIE } from "../../fakes/chain-accounts.js";
import { SUBTENSOR_ERRORS } from "../../fakes/chain-metadata.js";
import { commitmentEvent, type FakeNode, signedExtrinsic, startFakeNode, systemSuccess } from "../../fakes/chain-node.js";
import { bool, compact, hex, list, option, u16, u32, u64, u8, u128 } from "../../fakes/chain-scale.js";

const log = createLogger({ level: "silent", secrets: [] });
const TIMEOUT_MS = 3000;

const test = base.extend<{ node: FakeNode; chain: ChainClient }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  node: async ({}, use) => {
    await initCrypto();
    const node = await startFakeNode();
    await use(node);
    await node.close();
  },
  chain: async ({ node }, use) => {
    const chain = await openChain({ url: node.url, timeoutMs: TIMEOUT_MS }, log);
    await use(chain);
    await chain.close();
  },
});

function publicKeyOf(address: string): Uint8Array {
  const key = decodeSs58(address);
  if (key === undefined) throw new Error(`bad address ${address}`);
  return key;
}

const T0 = Date.parse("2026-01-08T00:00:00Z");

test("head, finalized head and blocks by number come with hash and time", async ({ node, chain }) => {
  const blocks = [1, 2, 3, 4].map((n) => node.addBlock({ extrinsics: [], timeMs: T0 + n * 12_000 }));
  const head = { number: 4, hash: blocks[3]?.hash, time: new Date(T0 + 48_000) };
  expect(await chain.head()).toEqual(head);
  expect(await chain.finalizedHead()).toEqual({ number: 2, hash: blocks[1]?.hash, time: new Date(T0 + 24_000) });
  expect(await chain.blockAt(4)).toEqual(head);
  expect(await chain.blockAt(0)).toEqual({ number: 0, hash: node.blocks[0]?.hash, time: new Date(0) });
  expect(await chain.blockAt(5)).toBeUndefined();
});

test("a block whose state is gone still has its time", async ({ node, chain }) => {
  const old = node.addBlock({ extrinsics: [], timeMs: T0 });
  node.addBlock({ extrinsics: [], timeMs: T0 + 12_000 });
  node.discardedState.add(old.hash);
  node.discardedState.add(old.parentHash);
  expect(await chain.blockAt(1)).toEqual({ number: 1, hash: old.hash, time: new Date(T0) });
});

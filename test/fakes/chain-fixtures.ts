import { test as base } from "vitest";
import type { ChainClient } from "../../src/infra/chain/client.js";
import { openChain } from "../../src/infra/chain/open.js";
import { createLogger } from "../../src/kernel/logger.js";
import { initCrypto } from "../../src/wire/keypair.js";
import { decodeSs58 } from "../../src/wire/ss58.js";
import type { MetadataOptions } from "./chain-metadata.js";
import { type FakeNode, startFakeNode } from "./chain-node.js";

interface Fixtures {
  /** What the node's runtime is like; a group of tests sets another one with `extend`. */
  runtime: MetadataOptions;
  timeoutMs: number;
  node: FakeNode;
  /** A client of `node`. */
  chain: ChainClient;
}

/** `test` with a fake subtensor node and a client of it. */
export const nodeTest = base.extend<Fixtures>({
  runtime: [{}, { injected: true }],
  timeoutMs: [3000, { injected: true }],
  node: async ({ runtime }, use) => {
    await initCrypto();
    const node = await startFakeNode(runtime);
    await use(node);
    await node.close();
  },
  chain: async ({ node, timeoutMs }, use) => {
    const log = createLogger({ level: "silent", secrets: [] });
    const chain = await openChain({ url: node.url, timeoutMs }, log);
    await use(chain);
    await chain.close();
  },
});

export function publicKeyOf(address: string): Uint8Array {
  const key = decodeSs58(address);
  if (key === undefined) throw new Error(`bad address ${address}`);
  return key;
}

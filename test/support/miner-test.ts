import { CloseStack } from "../../src/kernel/lifecycle.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../src/wire/keypair.js";
import { test as base } from "./fixtures.js";
import { type MinerApi, startMinerApi } from "./miner-api.js";
import { givenMiner } from "./miner-builders.js";

interface MinerFixtures {
  /** A registered miner. */
  miner: Keypair;
  /** A second one. */
  rival: Keypair;
  /** The miners' part of the API, in the lab settings of `dev`. */
  api: MinerApi;
  /** Closed after the test, in reverse order. */
  stack: CloseStack;
}

/** `test` with two registered miners and the API that they use. */
export const test = base.extend<MinerFixtures>({
  miner: async ({ db }, use) => {
    await use(await registered(db, "01", 1));
  },
  rival: async ({ db }, use) => {
    await use(await registered(db, "02", 2));
  },
  api: async ({ db, log }, use) => {
    const api = await startMinerApi({ db, log });
    await use(api);
    await api.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  stack: async ({}, use) => {
    const stack = new CloseStack();
    await use(stack);
    await stack.close();
  },
});

async function registered(db: Parameters<typeof givenMiner>[0], byte: string, uid: number): Promise<Keypair> {
  await initCrypto();
  const keypair = keypairFromSeed(byte.repeat(32));
  await givenMiner(db, { hotkey: keypair.address, uid });
  return keypair;
}

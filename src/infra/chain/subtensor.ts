import type { ApiPromise } from "@polkadot/api";
import { AppError } from "../../kernel/errors.js";
import { withTimeout } from "../../kernel/lifecycle.js";
import type { Logger } from "../../kernel/logger.js";
import type { Keypair } from "../../wire/keypair.js";
import type { ChainClient, ChainHead } from "./client.js";
import { chainUnavailable, commitRevealRefusal } from "./errors.js";
import { NodeSocket } from "./node-socket.js";
import { hashOf, readBlock, readCommitment, readLatestCommitment } from "./subtensor-blocks.js";
import { readFreeBalance, readMetagraph, readWeightRules, readWeights } from "./subtensor-reads.js";
import { type PalletCall, submit } from "./subtensor-submit.js";

/** A submission waits for a block, and for the next ones when the first is full. */
const SUBMIT_TIMEOUT_FACTOR = 6;

interface Endpoint {
  readonly url: string;
  readonly timeoutMs: number;
}

/**
 * Client of a subtensor node over WebSocket. Connects at the first call; types, indices and hashers come from the node's metadata and
 * follow its runtime upgrades. @see protocol 07 §1
 */
export function openSubtensor(endpoint: Endpoint, log: Logger): ChainClient {
  const link = new Link(endpoint, log);
  const submitting = endpoint.timeoutMs * SUBMIT_TIMEOUT_FACTOR;
  const send = (signer: Keypair, call: PalletCall) => link.use((api) => submit(api, signer, call), submitting);
  return {
    head: () => link.use(async (api) => readBlock(api, (await api.rpc.chain.getBlockHash()).toHex())),
    finalizedHead: () => link.use(async (api) => readBlock(api, (await api.rpc.chain.getFinalizedHead()).toHex())),
    blockAt: (number) => link.use((api) => blockAt(api, number)),
    metagraph: (netuid) => link.use((api) => readMetagraph(api, netuid)),
    weightRules: (netuid) => link.use((api) => readWeightRules(api, netuid)),
    weights: (netuid, uid) => link.use((api) => readWeights(api, netuid, uid)),
    commitmentAt: (where) => link.use((api) => readCommitment(api, where)),
    latestCommitment: (netuid, hotkey) => link.use((api) => readLatestCommitment(api, netuid, hotkey)),
    freeBalance: (address) => link.use((api) => readFreeBalance(api, address)),
    async transferAll({ from, to }) {
      const amountRao = await link.use((api) => readFreeBalance(api, from.address));
      const { block } = await send(from, { pallet: "balances", name: "transferAll", args: [{ Id: to }, false] });
      return { amountRao, block };
    },
    async setWeights(signer, { netuid, weights, versionKey }) {
      const { commitReveal } = await link.use((api) => readWeightRules(api, netuid));
      if (commitReveal) throw commitRevealRefusal(netuid);
      const dests = weights.map((entry) => entry.uid);
      const values = weights.map((entry) => entry.value);
      const args = [netuid, dests, values, versionKey];
      return send(signer, { pallet: "subtensorModule", name: "setWeights", args });
    },
    setCommitment(signer, { netuid, sha256Hex }) {
      const args = [netuid, { fields: [{ Sha256: `0x${sha256Hex}` }] }];
      return send(signer, { pallet: "commitments", name: "setCommitment", args });
    },
    close: () => link.close(),
  };
}

async function blockAt(api: ApiPromise, number: number): Promise<ChainHead | undefined> {
  const hash = await hashOf(api, number);
  return hash === undefined ? undefined : readBlock(api, hash);
}

/** One connection, opened when it is first needed and opened anew when it was lost. */
class Link {
  readonly #endpoint: Endpoint;
  readonly #log: Logger;
  #opening: Promise<ApiPromise> | undefined;

  constructor(endpoint: Endpoint, log: Logger) {
    this.#endpoint = endpoint;
    this.#log = log;
  }

  /** Runs one piece of work under a time limit. What is not an AppError already becomes `unavailable` CHN001. */
  async use<Result>(work: (api: ApiPromise) => Promise<Result>, limitMs = this.#endpoint.timeoutMs): Promise<Result> {
    const { url } = this.#endpoint;
    try {
      return await withTimeout(
        limitMs,
        async () => work(await this.#api()),
        () => chainUnavailable(url, `no answer in ${limitMs} ms`),
      );
    } catch (error) {
      // `invalid` is an answer of another shape: this node's fault, not the caller's.
      if (error instanceof AppError && error.kind !== "invalid") throw error;
      throw chainUnavailable(url, error);
    }
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const api = await opening?.catch(() => undefined);
    await api?.disconnect();
  }

  #api(): Promise<ApiPromise> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<ApiPromise> {
    const { url, timeoutMs } = this.#endpoint;
    const { ApiPromise } = await import("@polkadot/api");
    const provider = await NodeSocket.open(url, timeoutMs);
    try {
      const api = await ApiPromise.create({ provider, throwOnConnect: true, noInitWarn: true });
      provider.on("disconnected", () => {
        this.#opening = undefined;
        this.#log.info("the connection to the chain ended");
      });
      this.#log.info({ spec: api.runtimeVersion.specVersion.toNumber() }, "connected to the chain");
      return api;
    } catch (error) {
      await provider.disconnect();
      throw error;
    }
  }
}

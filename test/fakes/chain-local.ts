import { type LocalChainClient, openLocalRpc } from "../../src/infra/chain/local-rpc.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { CloseStack, type Running } from "../../src/kernel/lifecycle.js";
import type { Logger } from "../../src/kernel/logger.js";
import { serveLocalChain } from "../../src/local/chain/chain-server.js";
import { createLocalChain, type LocalChain } from "../../src/local/chain/local-chain.js";
import type { SubnetRules } from "../../src/local/chain/weight-checks.js";

export const BLOCK_TIME_MS = 12_000;

export interface ChainUnderTest extends Running {
  readonly url: string;
  readonly chain: LocalChain;
  readonly client: LocalChainClient;
  /** Moves the chain's clock. */
  passBlocks(count: number): void;
  passMs(ms: number): void;
}

/** A local chain behind a real socket, with a clock that stands still until it is moved. */
export async function startLocalChain(
  deps: { db: Db; log: Logger },
  options: { rules?: Partial<SubnetRules>; startAt?: Date; netuid?: number } = {},
): Promise<ChainUnderTest> {
  let clock = options.startAt ?? new Date("2026-01-08T00:00:00Z");
  const passMs = (ms: number) => {
    clock = new Date(clock.getTime() + ms);
  };
  const chain = await createLocalChain({
    ...deps,
    now: () => clock,
    blockTimeMs: BLOCK_TIME_MS,
    netuid: options.netuid ?? 64,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
  });
  const stack = new CloseStack();
  const server = stack.use(await serveLocalChain(chain, deps.log, { host: "127.0.0.1", port: 0 }));
  const client = openLocalRpc({ url: server.url, timeoutMs: 5000 });
  return {
    url: server.url,
    chain,
    client,
    passMs,
    passBlocks: (count) => passMs(count * BLOCK_TIME_MS),
    close: () => stack.close(),
  };
}

import { openPostgres } from "../infra/postgres/client.js";
import { requireSettings } from "../kernel/config/require.js";
import type { Context } from "../kernel/context.js";
import { CloseStack, type Running } from "../kernel/lifecycle.js";
import { serveLocalChain } from "./chain/chain-server.js";
import { createLocalChain, type LocalChain } from "./chain/local-chain.js";

/** Fast blocks, as local runtimes have. */
export const BLOCK_TIME_MS = 250;
/** Five seconds between two settings of weights. */
export const WEIGHTS_RATE_LIMIT_BLOCKS = 20;
const TAO = 1_000_000_000n;

export interface ChainMembers {
  readonly validator?: string | undefined;
  readonly miners: readonly string[];
}

/** The local chain as a process of its own, kept in the configured database. */
export async function startStandaloneChain(
  ctx: Context,
  options: ChainMembers & { readonly port: number },
): Promise<Running & { readonly url: string }> {
  requireSettings(ctx.config, ["postgres.url"]);
  const stack = new CloseStack();
  try {
    const db = openPostgres({ ...ctx.config.postgres, poolSize: 4 });
    stack.add(() => db.destroy());
    const rules = { rateLimitBlocks: WEIGHTS_RATE_LIMIT_BLOCKS };
    const chain = await createLocalChain({
      db,
      log: ctx.log,
      now: ctx.now,
      blockTimeMs: BLOCK_TIME_MS,
      netuid: ctx.config.netuid,
      rules,
    });
    await registerMembers(chain, options);
    const server = stack.use(await serveLocalChain(chain, ctx.log, { host: "127.0.0.1", port: options.port }));
    return { url: server.url, close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

/** Puts the validator and the miners on the subnet; those that are there already stay as they are. */
export async function registerMembers(chain: LocalChain, members: ChainMembers): Promise<void> {
  const validator = members.validator === undefined ? [] : [members.validator];
  await chain.register([
    ...validator.map((hotkey) => ({
      hotkey,
      coldkey: hotkey,
      taoStakeRao: 10_000n * TAO,
      alphaStakeRao: 10_000n * TAO,
      validatorPermit: true,
    })),
    ...members.miners.map((hotkey) => ({ hotkey, coldkey: hotkey, taoStakeRao: TAO })),
  ]);
}

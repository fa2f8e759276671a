import { openChain } from "../../infra/chain/open.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { initCrypto, keypairFromSeed } from "../../wire/keypair.js";
import { type SetWeightsOptions, setWeights, type WeightsReport } from "./set-weights.js";

/** `set-weights` from a context: opens what it needs, runs once, closes. */
export async function setWeightsOnce(ctx: Context, options: SetWeightsOptions): Promise<WeightsReport> {
  const { config, log, now, signal } = ctx;
  requireSettings(config, ["postgres.url", "chain.url", "validator.seed"]);
  const stack = new CloseStack();
  try {
    await initCrypto();
    const db = openPostgres({ ...config.postgres, poolSize: 4 });
    stack.add(() => db.destroy());
    const chain = stack.use(await openChain(config.chain, log));
    return await setWeights(
      { config, db, chain, signer: keypairFromSeed(config.validator.seed), now, signal },
      options,
    );
  } finally {
    await stack.close();
  }
}

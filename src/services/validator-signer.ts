import type { Config } from "../kernel/config/schema.js";
import { AppError } from "../kernel/errors.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../wire/keypair.js";

/**
 * The validator hotkey of this deployment.
 * @throws AppError `config` CFG004 when VALIDATOR_SEED does not derive VALIDATOR_SS58
 * @see protocol 01 §2.9
 */
export async function validatorSigner(config: Config): Promise<Keypair> {
  await initCrypto();
  const keypair = keypairFromSeed(config.validator.seed);
  if (keypair.address === config.validator.ss58) return keypair;
  throw new AppError(
    "config",
    `VALIDATOR_SEED belongs to ${keypair.address}, not to VALIDATOR_SS58 ${config.validator.ss58}`,
    {
      code: "CFG004",
      fix: "set both from the same hotkey file",
    },
  );
}

import { sealedSecrets } from "../../../domain/secrets/secret-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { decryptWalletText } from "../../../wire/wallet-cipher.js";
import type { LaunchDeps } from "./launch-deps.js";

/**
 * Environment secrets of a chute in clear, for its verified instance only.
 * @throws AppError `config` when a stored value does not open with the platform's keys
 * @see protocol 01 §12
 */
export async function chuteSecrets(
  { config, db }: Pick<LaunchDeps, "config" | "db">,
  chuteId: string,
): Promise<Record<string, string>> {
  const { walletKey: walletKeyHex, pgEncryptionKey: pgKey } = config.accounts;
  const sealed = await sealedSecrets(db, chuteId);
  try {
    const opened = sealed.map(async ({ key, value }) => [key, await decryptWalletText(value, { walletKeyHex, pgKey })]);
    return Object.fromEntries(await Promise.all(opened));
  } catch (cause) {
    throw new AppError("config", `the secrets of chute ${chuteId} cannot be decrypted`, { cause });
  }
}

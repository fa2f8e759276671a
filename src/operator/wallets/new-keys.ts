import { readFile } from "node:fs/promises";
import { requireWalletKey } from "../../domain/billing/wallet-keys.js";
import { AppError } from "../../kernel/errors.js";
import type { WalletKeys } from "../../wire/wallet-cipher.js";

/** Where one new key comes from. */
export interface KeySource {
  /** Name of a variable of the environment, for messages. */
  readonly name: string;
  /** Its value. */
  readonly value: string | undefined;
  /** A file that is read instead. */
  readonly file: string | undefined;
}

/**
 * The keys to rotate to; one that is given nowhere stays as it is.
 * @throws AppError `config` when no key is new, one is malformed or its file cannot be read
 */
export async function newWalletKeys(
  current: WalletKeys,
  sources: { readonly walletKey: KeySource; readonly pgKey: KeySource },
): Promise<WalletKeys> {
  const walletKeyHex = (await keyFrom(sources.walletKey)) ?? current.walletKeyHex;
  const pgKey = (await keyFrom(sources.pgKey)) ?? current.pgKey;
  requireWalletKey(walletKeyHex, sources.walletKey.name);
  if (walletKeyHex.toLowerCase() === current.walletKeyHex.toLowerCase() && pgKey === current.pgKey) {
    throw new AppError("config", "no new key is given, or it is the one in use", {
      code: "CFG003",
      fix: `set ${sources.walletKey.name} or ${sources.pgKey.name}, or name a file`,
    });
  }
  return { walletKeyHex, pgKey };
}

async function keyFrom({ value, file }: KeySource): Promise<string | undefined> {
  if (file === undefined) return value?.trim() || undefined;
  try {
    return (await readFile(file, "utf8")).trim() || undefined;
  } catch (cause) {
    throw new AppError("config", `the key file ${file} cannot be read`, { code: "CFG002", cause });
  }
}

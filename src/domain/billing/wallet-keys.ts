import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import type { WalletKeys } from "../../wire/wallet-cipher.js";
import { checkWalletKey } from "../accounts/wallet-key.js";

/**
 * The keys of wallets and secrets.
 * @throws AppError `config` CFG001 when WALLET_KEY is no key, CFG005 when it is a published one outside dev
 * @see protocol 01 §10, §17
 */
export function walletKeysOf(config: Pick<Config, "accounts" | "environment">): WalletKeys {
  checkWalletKey(config);
  return { walletKeyHex: config.accounts.walletKey, pgKey: config.accounts.pgEncryptionKey };
}

/** @throws AppError `config` CFG001 naming the variable; the value itself is not repeated */
export function requireWalletKey(walletKey: string, name: string): void {
  if (/^[0-9a-f]{64}$/i.test(walletKey)) return;
  throw new AppError("config", `${name} must be 64 hex digits`, {
    code: "CFG001",
    fix: "generate one: openssl rand -hex 32",
  });
}

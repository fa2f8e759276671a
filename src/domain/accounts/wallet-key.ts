import { AppError } from "../../kernel/errors.js";

/** The original server's default and keys that documentation shows: whoever reads those could open every wallet. */
const PUBLISHED: ReadonlySet<string> = new Set([
  "967fcf63799171672b6b66dfe30d8cd678c8bc6fb44806f0cdba3d873b3dd60b",
  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "0".repeat(64),
  "f".repeat(64),
]);

/**
 * Checks the key of payment wallets before the first wallet is made with it.
 * @throws AppError `config` CFG001 unless it is 64 hex digits, CFG005 when it is a published one outside dev
 * @see protocol 01 §10, §17
 */
export function checkWalletKey(config: {
  readonly environment: string;
  readonly accounts: { readonly walletKey: string };
}): void {
  const { walletKey } = config.accounts;
  if (!/^[0-9a-f]{64}$/i.test(walletKey))
    throw new AppError("config", "accounts.walletKey [env WALLET_KEY] must be 64 hex digits", {
      code: "CFG001",
      fix: "set WALLET_KEY to 32 random bytes in hex",
    });
  if (config.environment !== "dev" && PUBLISHED.has(walletKey.toLowerCase()))
    throw new AppError("config", "accounts.walletKey [env WALLET_KEY] is a published sample key", {
      code: "CFG005",
      fix: "generate your own value",
    });
}

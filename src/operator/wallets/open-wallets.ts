import { walletKeysOf } from "../../domain/billing/wallet-keys.js";
import type { Db } from "../../infra/postgres/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import type { WalletKeys } from "../../wire/wallet-cipher.js";
import { reachableDatabase } from "../users/reachable-database.js";

/** Runs work on wallets with the configured keys, and closes the database. */
export async function withWallets<T>(ctx: Context, work: (db: Db, keys: WalletKeys) => Promise<T>): Promise<T> {
  const { config } = ctx;
  requireSettings(config, ["postgres.url", "accounts.walletKey", "accounts.pgEncryptionKey"]);
  const keys = walletKeysOf(config);
  const db = await reachableDatabase(config);
  try {
    return await work(db, keys);
  } finally {
    await db.destroy();
  }
}

import { SEALED_COLUMNS, sealedRows } from "../../domain/billing/sealed-value-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { initCrypto } from "../../wire/keypair.js";
import type { WalletKeys } from "../../wire/wallet-cipher.js";
import { problemOf, type SealedProblem } from "./sealed-rows.js";

/** What was looked at, and what did not hold. */
export interface WalletReport {
  readonly checked: number;
  readonly problems: readonly SealedProblem[];
}

const BATCH = 200;

/**
 * Decrypts every wallet and secret and derives the addresses of wallets anew. Nothing is written or shown.
 * @see protocol 01 §10
 */
export async function verifyWallets(db: Db, keys: WalletKeys, signal: AbortSignal): Promise<WalletReport> {
  await initCrypto();
  const problems: SealedProblem[] = [];
  let checked = 0;
  for (const column of SEALED_COLUMNS) {
    for (let after = ""; ; ) {
      signal.throwIfAborted();
      const rows = await sealedRows(db, column, { after, limit: BATCH });
      for (const row of rows) {
        const problem = await problemOf(row, keys);
        if (problem !== undefined) problems.push({ column, id: row.id, problem });
      }
      checked += rows.length;
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
  }
  return { checked, problems };
}

import {
  replaceSealed,
  SEALED_COLUMNS,
  type SealedColumn,
  type SealedRow,
  sealedRows,
} from "../../domain/billing/sealed-value-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { messageOf } from "../../kernel/errors.js";
import { initCrypto } from "../../wire/keypair.js";
import { encryptWalletText, type WalletKeys } from "../../wire/wallet-cipher.js";
import { openSealed, problemOf, type SealedProblem } from "./sealed-rows.js";

/** Keys before and after. */
export interface Rotation {
  readonly from: WalletKeys;
  readonly to: WalletKeys;
  /** Look only. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface RotationReport {
  /** Rows that have the new keys by this run; in a dry run those that would get them. */
  readonly rotated: number;
  /** Rows that had the new keys already. */
  readonly done: number;
  readonly problems: readonly SealedProblem[];
}

const BATCH = 100;

/**
 * Encrypts every wallet and secret anew. A row is replaced only after its old value opened and its new one did; it is read
 * back afterwards. Rows that have the new keys are left alone, so a run that was stopped is simply started again.
 */
export async function rotateWallets(db: Db, rotation: Rotation): Promise<RotationReport> {
  await initCrypto();
  const problems: SealedProblem[] = [];
  const counts = { rotated: 0, done: 0 };
  for (const column of SEALED_COLUMNS) {
    for (let after = ""; ; ) {
      rotation.signal.throwIfAborted();
      const rows = await sealedRows(db, column, { after, limit: BATCH });
      for (const row of rows) {
        const outcome = await rotateRow(db, { column, row }, rotation);
        if (typeof outcome === "string") counts[outcome] += 1;
        else problems.push({ column, id: row.id, ...outcome });
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
  }
  return { ...counts, problems };
}

type Outcome = "rotated" | "done" | { readonly problem: string };

async function rotateRow(
  db: Db,
  { column, row }: { readonly column: SealedColumn; readonly row: SealedRow },
  { from, to, dryRun }: Rotation,
): Promise<Outcome> {
  try {
    const text = await openSealed(row, from);
    if (dryRun) return "rotated";
    const sealed = await encryptWalletText(text, to);
    if ((await openSealed({ ...row, stored: sealed }, to)) !== text) return { problem: "the new value does not open" };
    const stored = await replaceSealed(db, column, { id: row.id, from: row.stored, to: sealed });
    if (stored === undefined) return { problem: "the row changed meanwhile; run the command again" };
    const problem = await problemOf({ ...row, stored }, to);
    return problem === undefined ? "rotated" : { problem };
  } catch (error) {
    return (await problemOf(row, to)) === undefined ? "done" : { problem: messageOf(error) };
  }
}

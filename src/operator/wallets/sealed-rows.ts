import type { SealedColumn, SealedRow } from "../../domain/billing/sealed-value-repository.js";
import { messageOf } from "../../kernel/errors.js";
import { keypairFromMnemonic } from "../../wire/mnemonic.js";
import { decryptWalletText, type WalletKeys } from "../../wire/wallet-cipher.js";

/** Something wrong with a row; never what it holds. */
export interface SealedProblem {
  readonly column: SealedColumn;
  readonly id: string;
  readonly problem: string;
}

/** The text of a row. @throws when the keys do not fit, or a mnemonic derives another address */
export async function openSealed({ stored, address }: SealedRow, keys: WalletKeys): Promise<string> {
  const text = await decryptWalletText(stored, keys);
  if (address === null) return text;
  const derived = keypairFromMnemonic(text).address;
  if (derived !== address) throw new Error(`the mnemonic derives ${derived} instead of ${address}`);
  return text;
}

/** What is wrong with a row under these keys; undefined when nothing is. */
export async function problemOf(row: SealedRow, keys: WalletKeys): Promise<string | undefined> {
  try {
    await openSealed(row, keys);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

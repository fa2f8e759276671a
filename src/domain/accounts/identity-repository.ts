import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { invalidate } from "../outbox/outbox-repository.js";
import type { AccountAuditEntry } from "./account-repository.js";
import { recordAccountChange } from "./account-repository.js";

/** Stored form of an account's fingerprint: the key of its session tokens derives from it. @see protocol 01 §5.2 */
export async function storedFingerprintOf(db: Db, userId: string): Promise<string | undefined> {
  const row = await db.selectFrom("users").select("fingerprint_hash").where("user_id", "=", userId).executeTakeFirst();
  return row?.fingerprint_hash;
}

/** Id of the account whose stored fingerprint is the first of these forms that anybody has. */
export async function userIdByFingerprint(db: Db, forms: readonly string[]): Promise<string | undefined> {
  const { rows } = await sql<{ user_id: string }>`
    select user_id from users where fingerprint_hash = any(${forms}::text[])
    order by array_position(${forms}::text[], fingerprint_hash) limit 1`.execute(db);
  return rows[0]?.user_id;
}

/** Ids of the accounts that claim a coldkey, at most `limit`: several may, because nobody proves one. */
export async function userIdsByColdkey(db: Db, coldkey: string, limit: number): Promise<string[]> {
  const rows = await db.selectFrom("users").select("user_id").where("coldkey", "=", coldkey).limit(limit).execute();
  return rows.map(({ user_id }) => user_id);
}

/** What changes about who somebody is. */
export interface IdentityChange {
  /** Stored form of the new fingerprint. */
  readonly fingerprintHash?: string;
  readonly hotkey?: string;
  readonly coldkey?: string;
  readonly logoId?: string | null;
}

/**
 * Changes an identity with its audit row and tells every process.
 * @returns `taken` when another account holds the hotkey or fingerprint already, `gone` when the account is no more
 * @see protocol 01 §21.14
 */
export async function changeIdentity(
  db: Db,
  change: IdentityChange,
  entry: AccountAuditEntry & { readonly now: Date },
): Promise<"changed" | "taken" | "gone"> {
  const { userId, now } = entry;
  try {
    return await db.transaction().execute(async (tx) => {
      const changed = await tx
        .updateTable("users")
        .set({
          ...(change.fingerprintHash !== undefined && { fingerprint_hash: change.fingerprintHash }),
          ...(change.hotkey !== undefined && { hotkey: change.hotkey }),
          ...(change.coldkey !== undefined && { coldkey: change.coldkey }),
          ...(change.logoId !== undefined && { logo_id: change.logoId }),
          updated_at: now,
        })
        .where("user_id", "=", userId)
        .returning("user_id")
        .executeTakeFirst();
      if (changed === undefined) return "gone";
      await recordAccountChange(tx, entry, now);
      await invalidate(tx, [{ kind: "account", id: userId }], now);
      return "changed";
    });
  } catch (error) {
    if (isTaken(error)) return "taken";
    throw error;
  }
}

const UNIQUE_VIOLATION = "23505";

/** Uniqueness is the index's business: asking first would lose a race. */
function isTaken(error: unknown): boolean {
  return (Object(error) as { code?: unknown }).code === UNIQUE_VIOLATION;
}

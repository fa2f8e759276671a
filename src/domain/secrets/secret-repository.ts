import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { isUuid } from "../../wire/ids.js";
import { SECRETS_PER_CHUTE, type Secret } from "./secret.js";

/**
 * Id of the chute of that account that an id or a name means; names compare in any case and are never patterns.
 * @see protocol 01 §12
 */
export async function ownChuteId(db: Db, userId: string, idOrName: string): Promise<string | undefined> {
  const text = idOrName.toLowerCase();
  const row = await db
    .selectFrom("chutes")
    .select("chute_id")
    .where("user_id", "=", userId)
    .where((is) => is.or([is("chute_id", "=", text), is(sql`lower(name)`, "=", text)]))
    .orderBy(sql`chute_id = ${text}`, "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.chute_id;
}

/** A secret with the form that its value is stored in. */
export interface SealedSecret extends Secret {
  readonly userId: string;
  readonly sealedValue: string;
}

/** What became of an insert. `gone`: the chute is no longer the account's. */
export type InsertedSecret = "inserted" | "exists" | "full" | "gone";

/** Adds a secret to a chute. The chute's row is locked, so that parallel inserts cannot exceed the limit together. */
export function insertSecret(db: Db, secret: SealedSecret): Promise<InsertedSecret> {
  return db.transaction().execute(async (tx) => {
    const { chuteId, userId } = secret;
    const chute = await tx
      .selectFrom("chutes")
      .select("chute_id")
      .where("chute_id", "=", chuteId)
      .where("user_id", "=", userId)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (chute === undefined) return "gone";
    const keys = await tx
      .selectFrom("secrets")
      .select("key")
      .where("purpose", "=", chuteId)
      .limit(SECRETS_PER_CHUTE)
      .execute();
    if (keys.some(({ key }) => key === secret.key)) return "exists";
    if (keys.length >= SECRETS_PER_CHUTE) return "full";
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto("secrets")
      .values({
        secret_id: secret.secretId,
        user_id: userId,
        purpose: chuteId,
        key: secret.key,
        value: secret.sealedValue,
        created_at: secret.createdAt,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n ? "inserted" : "exists";
  });
}

const COLUMNS = ["secret_id", "key", "purpose", "created_at"] as const;

/** A page of an account's secrets, newest first, and how many there are. Their values are not read. */
export async function listSecrets(
  db: Db,
  page: { readonly userId: string; readonly offset: number; readonly limit: number },
): Promise<{ total: number; items: Secret[] }> {
  const own = db.selectFrom("secrets").where("user_id", "=", page.userId);
  const [rows, counted] = await Promise.all([
    own
      .select(COLUMNS)
      .orderBy("created_at", "desc")
      .orderBy("secret_id")
      .limit(page.limit)
      .offset(page.offset)
      .execute(),
    own.select((count) => count.fn.countAll<bigint>().as("total")).executeTakeFirst(),
  ]);
  return { total: Number(counted?.total ?? 0n), items: rows.map(toSecret) };
}

/** One secret of an account, without its value. */
export async function findSecret(db: Db, userId: string, secretId: string): Promise<Secret | undefined> {
  if (!isUuid(secretId)) return undefined;
  const row = await db
    .selectFrom("secrets")
    .select(COLUMNS)
    .where("secret_id", "=", secretId.toLowerCase())
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return row && toSecret(row);
}

/** @returns false when the account has no such secret */
export async function deleteSecret(db: Db, userId: string, secretId: string): Promise<boolean> {
  if (!isUuid(secretId)) return false;
  const { numDeletedRows } = await db
    .deleteFrom("secrets")
    .where("secret_id", "=", secretId.toLowerCase())
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}

/** What a chute's instances are told, as it is stored. */
export function sealedSecrets(db: Db, chuteId: string): Promise<{ key: string; value: string }[]> {
  return db
    .selectFrom("secrets")
    .select(["key", "value"])
    .where("purpose", "=", chuteId)
    .orderBy("key")
    .limit(SECRETS_PER_CHUTE)
    .execute();
}

function toSecret(row: { secret_id: string; key: string; purpose: string; created_at: Date }): Secret {
  return { secretId: row.secret_id, key: row.key, chuteId: row.purpose, createdAt: row.created_at };
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { ApiKeyGrant, ApiKeyScope } from "./account.js";

/** What is needed to accept a presented key. */
export interface StoredApiKey {
  readonly userId: string;
  readonly keyHash: string;
  readonly grant: ApiKeyGrant;
}

/** The key with that id, with its scopes. */
export async function storedApiKey(db: Db, apiKeyId: string): Promise<StoredApiKey | undefined> {
  const row = await db
    .selectFrom("api_keys")
    .select(["user_id", "key_hash", "admin"])
    .where("api_key_id", "=", apiKeyId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const scopes = row.admin ? [] : ((await scopesOf(db, [apiKeyId])).get(apiKeyId) ?? []);
  return { userId: row.user_id, keyHash: row.key_hash, grant: { apiKeyId, admin: row.admin, scopes } };
}

/** A scope with its id. */
interface StoredScope extends ApiKeyScope {
  readonly scopeId: string;
}

/** A key as its owner sees it. */
export interface ApiKeyRecord {
  readonly apiKeyId: string;
  readonly userId: string;
  readonly admin: boolean;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly scopes: readonly StoredScope[];
}

/** Which keys of which owner. */
export interface ApiKeyFilter {
  readonly userId: string;
  /** Case-insensitive substring; empty means all. */
  readonly name: string;
  readonly offset: number;
  readonly limit: number;
}

/** One page of an owner's keys, newest first, and how many there are. */
export async function listApiKeys(db: Db, filter: ApiKeyFilter): Promise<{ total: number; items: ApiKeyRecord[] }> {
  const rows = await selectKeys(db)
    .select(sql<bigint>`count(*) over ()`.as("total"))
    .where("user_id", "=", filter.userId)
    .where(sql`position(${filter.name.toLowerCase()} in lower(name))`, ">", 0)
    .orderBy("created_at", "desc")
    .orderBy("api_key_id")
    .limit(filter.limit)
    .offset(filter.offset)
    .execute();
  const total = rows[0]?.total ?? (filter.offset === 0 ? 0n : await countKeys(db, filter));
  return { total: Number(total), items: await withScopes(db, rows) };
}

/** An owner's key by its id, or else by its exact name. */
export async function findApiKey(db: Db, userId: string, idOrName: string): Promise<ApiKeyRecord | undefined> {
  const rows = await selectKeys(db)
    .where("user_id", "=", userId)
    .where((column) => column.or([column("api_key_id", "=", idOrName), column("name", "=", idOrName)]))
    .orderBy(sql`api_key_id = ${idOrName}`, "desc")
    .limit(1)
    .execute();
  const [found] = await withScopes(db, rows);
  return found;
}

/** Stores a key and its scopes. @returns false when the owner already has a key of that name */
export async function insertApiKey(tx: Db, key: ApiKeyRecord, keyHash: string): Promise<boolean> {
  const inserted = await tx
    .insertInto("api_keys")
    .values({
      api_key_id: key.apiKeyId,
      user_id: key.userId,
      key_hash: keyHash,
      admin: key.admin,
      name: key.name,
      created_at: key.createdAt,
    })
    .onConflict((conflict) => conflict.columns(["user_id", "name"]).doNothing())
    .returning("api_key_id")
    .executeTakeFirst();
  if (inserted === undefined) return false;
  if (key.scopes.length > 0) await insertScopes(tx, key);
  return true;
}

/** Deletes a key for good. @returns false when it was gone already */
export async function deleteApiKey(tx: Db, apiKeyId: string): Promise<boolean> {
  const deleted = await tx
    .deleteFrom("api_keys")
    .where("api_key_id", "=", apiKeyId)
    .returning("api_key_id")
    .executeTakeFirst();
  return deleted !== undefined;
}

/** Replaces the stored hash of a key, unless it is another one by now. */
export async function rehashApiKey(
  db: Db,
  key: { readonly apiKeyId: string; readonly oldHash: string; readonly newHash: string },
): Promise<void> {
  await db
    .updateTable("api_keys")
    .set({ key_hash: key.newHash })
    .where("api_key_id", "=", key.apiKeyId)
    .where("key_hash", "=", key.oldHash)
    .execute();
}

/** Notes when keys were last used; an older time never replaces a newer one. */
export async function touchApiKeys(db: Db, lastUse: ReadonlyMap<string, Date>): Promise<void> {
  if (lastUse.size === 0) return;
  await sql`update api_keys k set last_used_at = used.at
    from unnest(${[...lastUse.keys()]}::text[], ${[...lastUse.values()]}::timestamptz[]) as used (id, at)
    where k.api_key_id = used.id and (k.last_used_at is null or k.last_used_at < used.at)`.execute(db);
}

function selectKeys(db: Db) {
  return db.selectFrom("api_keys").select(["api_key_id", "user_id", "admin", "name", "created_at", "last_used_at"]);
}

async function countKeys(db: Db, filter: ApiKeyFilter): Promise<bigint> {
  const { count } = await db
    .selectFrom("api_keys")
    .select(sql<bigint>`count(*)`.as("count"))
    .where("user_id", "=", filter.userId)
    .where(sql`position(${filter.name.toLowerCase()} in lower(name))`, ">", 0)
    .executeTakeFirstOrThrow();
  return count;
}

type KeyRow = Awaited<ReturnType<ReturnType<typeof selectKeys>["executeTakeFirstOrThrow"]>>;

async function withScopes(db: Db, rows: readonly KeyRow[]): Promise<ApiKeyRecord[]> {
  const scopes = await scopesOf(
    db,
    rows.map((row) => row.api_key_id),
  );
  return rows.map((row) => ({
    apiKeyId: row.api_key_id,
    userId: row.user_id,
    admin: row.admin,
    name: row.name,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    scopes: scopes.get(row.api_key_id) ?? [],
  }));
}

async function scopesOf(db: Db, apiKeyIds: readonly string[]): Promise<Map<string, StoredScope[]>> {
  const scopes = new Map<string, StoredScope[]>();
  if (apiKeyIds.length === 0) return scopes;
  const rows = await db
    .selectFrom("api_key_scopes")
    .selectAll()
    .where("api_key_id", "in", apiKeyIds)
    .orderBy("scope_id")
    .execute();
  for (const row of rows) {
    const scope: StoredScope = {
      scopeId: row.scope_id,
      objectType: row.object_type as ApiKeyScope["objectType"],
      objectId: row.object_id,
      action: row.action as ApiKeyScope["action"],
    };
    scopes.set(row.api_key_id, [...(scopes.get(row.api_key_id) ?? []), scope]);
  }
  return scopes;
}

async function insertScopes(tx: Db, key: ApiKeyRecord): Promise<void> {
  const rows = key.scopes.map((scope) => ({
    scope_id: scope.scopeId,
    api_key_id: key.apiKeyId,
    object_type: scope.objectType,
    object_id: scope.objectId,
    action: scope.action,
  }));
  await tx.insertInto("api_key_scopes").values(rows).execute();
}

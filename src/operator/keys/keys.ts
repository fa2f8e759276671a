import { recordAccountChange } from "../../domain/accounts/account-repository.js";
import { type ApiKeyRecord, deleteApiKey, findApiKey, listApiKeys } from "../../domain/accounts/api-key-repository.js";
import { invalidate } from "../../domain/outbox/outbox-repository.js";
import { AppError } from "../../kernel/errors.js";
import { accountAt, type Desk } from "../users/desk.js";

/** An API key, without its secret. */
export interface KeyLine {
  readonly api_key_id: string;
  readonly name: string;
  readonly admin: boolean;
  readonly scopes: number;
  readonly created_at: string;
  readonly last_used_at: string | null;
}

/** Keys of a user, newest first. */
export async function listKeys(desk: Desk, user: string, limit: number): Promise<KeyLine[]> {
  const { userId } = await accountAt(desk, user);
  const { items } = await listApiKeys(desk.db, { userId, name: "", offset: 0, limit });
  return items.map(toLine);
}

/** Keys that were revoked, or would be. */
export interface RevocationReport {
  readonly user_id: string;
  readonly revoked: readonly KeyLine[];
  readonly dry_run: boolean;
}

const MOST_KEYS = 1000;

/** Revokes keys of a user by id or name, or all of them. @throws AppError `not_found` for a key that is not there */
export async function revokeKeys(
  desk: Desk,
  user: string,
  what: { readonly keys: readonly string[]; readonly all: boolean; readonly dryRun: boolean },
): Promise<RevocationReport> {
  const { db, by } = desk;
  const { userId } = await accountAt(desk, user);
  const chosen = what.all
    ? (await listApiKeys(db, { userId, name: "", offset: 0, limit: MOST_KEYS })).items
    : await Promise.all(what.keys.map((key) => keyOf(desk, userId, key)));
  const changes = chosen.map(({ apiKeyId: id }) => ({ kind: "api_key", id }) as const);
  if (!what.dryRun && chosen.length > 0) {
    await db.transaction().execute(async (tx) => {
      for (const { apiKeyId } of chosen) await deleteApiKey(tx, apiKeyId);
      const details = { keys: chosen.map(({ apiKeyId, name }) => ({ apiKeyId, name })) };
      await recordAccountChange(tx, { userId, ...by, action: "revoke_keys", details }, by.now);
      await invalidate(tx, changes, by.now);
    });
    await desk.announce(changes);
  }
  return { user_id: userId, revoked: chosen.map(toLine), dry_run: what.dryRun };
}

async function keyOf({ db }: Desk, userId: string, idOrName: string): Promise<ApiKeyRecord> {
  const key = await findApiKey(db, userId, idOrName);
  if (key === undefined) throw new AppError("not_found", `the user has no key ${idOrName}`);
  return key;
}

function toLine(key: ApiKeyRecord): KeyLine {
  return {
    api_key_id: key.apiKeyId,
    name: key.name,
    admin: key.admin,
    scopes: key.scopes.length,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}

import type { Api } from "./client.js";
import { instantOf } from "./usage.js";

export const SCOPE_TYPES = ["chutes", "images", "invocations"] as const;
export const SCOPE_ACTIONS = ["invoke", "read", "write", "delete"] as const;

/** `objectId` and `action` undefined: all of them. */
export interface Scope {
  readonly objectType: string;
  readonly objectId: string | undefined;
  readonly action: string | undefined;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly admin: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly scopes: readonly Scope[];
}

interface WireKey {
  readonly api_key_id: string;
  readonly name: string;
  readonly admin: boolean;
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly scopes: readonly { object_type: string; object_id: string | null; action?: string | null }[];
}

export interface KeyPage {
  readonly total: number;
  readonly keys: readonly ApiKey[];
}

const MOST_KEYS = 200;

export async function listKeys(api: Api, signal?: AbortSignal): Promise<KeyPage> {
  const wire = (await api.json(`/api_keys/?limit=${MOST_KEYS}`, { signal })) as { total: number; items: WireKey[] };
  return { total: wire.total, keys: wire.items.map(keyOf) };
}

export interface NewKey {
  readonly name: string;
  readonly admin: boolean;
  readonly scopes: readonly Scope[];
}

/** The key's text is in this answer and never again. */
export async function createKey(api: Api, key: NewKey): Promise<{ key: ApiKey; secret: string }> {
  const scopes = key.scopes.map(({ objectType, objectId, action }) => ({
    object_type: objectType,
    object_id: objectId ?? null,
    action: action ?? null,
  }));
  const body = { name: key.name, admin: key.admin, ...(!key.admin && { scopes }) };
  const wire = (await api.json("/api_keys/", { method: "POST", body })) as WireKey & { secret_key: string };
  return { key: keyOf(wire), secret: wire.secret_key };
}

export async function deleteKey(api: Api, id: string): Promise<void> {
  await api.json(`/api_keys/${encodeURIComponent(id)}`, { method: "DELETE" });
}

function keyOf(wire: WireKey): ApiKey {
  return {
    id: wire.api_key_id,
    name: wire.name,
    admin: wire.admin,
    createdAt: instantOf(wire.created_at),
    lastUsedAt: wire.last_used_at === null ? undefined : instantOf(wire.last_used_at),
    scopes: wire.scopes.map((scope) => ({
      objectType: scope.object_type,
      objectId: scope.object_id ?? undefined,
      action: scope.action ?? undefined,
    })),
  };
}

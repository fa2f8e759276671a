import type { ApiKeyGrant, ApiKeyScope } from "./account.js";

/** What a request does to what; `objectId` null stands for the list of all objects. */
export interface ScopedAction {
  readonly objectType: ApiKeyScope["objectType"];
  readonly objectId: string | null;
  readonly action: NonNullable<ApiKeyScope["action"]>;
}

/** Ids that stand for the hosts which many chutes share. @see protocol 01 §4.3 */
export const SHARED_ENDPOINT = { llm: "__megallm__", image: "__megadiffuser__", embed: "__megaembed__" } as const;

const SHARED_ENDPOINTS: ReadonlySet<string> = new Set(Object.values(SHARED_ENDPOINT));

/**
 * Whether a key allows an action. On a shared endpoint every chute scope passes: check again once the chute is known.
 * @see protocol 01 §4.3, 04 §3.2
 */
export function grants(key: ApiKeyGrant, wanted: ScopedAction): boolean {
  return key.admin || key.scopes.some((scope) => covers(scope, wanted));
}

/** Whether a key allows an action on at least one object of the type: worth finding out which object is meant. */
export function grantsOnSome(key: ApiKeyGrant, wanted: Omit<ScopedAction, "objectId">): boolean {
  return key.admin || key.scopes.some((scope) => coversKind(scope, wanted));
}

/** Scopes without repetition, in their first order: clients send the same one twice. */
export function distinctScopes(scopes: readonly ApiKeyScope[]): ApiKeyScope[] {
  const byText = new Map(
    scopes.map((scope) => [JSON.stringify([scope.objectType, scope.objectId, scope.action]), scope]),
  );
  return [...byText.values()];
}

function covers(scope: ApiKeyScope, wanted: ScopedAction): boolean {
  const isShared = wanted.objectType === "chutes" && SHARED_ENDPOINTS.has(wanted.objectId ?? "");
  const isSameObject = scope.objectId === null || scope.objectId === wanted.objectId;
  return coversKind(scope, wanted) && (isSameObject || isShared);
}

function coversKind(scope: ApiKeyScope, wanted: Omit<ScopedAction, "objectId">): boolean {
  return scope.objectType === wanted.objectType && (scope.action === null || scope.action === wanted.action);
}

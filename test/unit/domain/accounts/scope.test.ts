import { expect, test } from "vitest";
import type { ApiKeyGrant, ApiKeyScope } from "../../../../src/domain/accounts/account.js";
import { distinctScopes, grants, grantsOnSome, type ScopedAction } from "../../../../src/domain/accounts/scope.js";

const key = (...scopes: ApiKeyScope[]): ApiKeyGrant => ({ apiKeyId: "k", admin: false, scopes });
const scope = (objectType: ApiKeyScope["objectType"], objectId: string | null, action: ApiKeyScope["action"]) => ({
  objectType,
  objectId,
  action,
});
const invoke = (objectId: string): ScopedAction => ({ objectType: "chutes", objectId, action: "invoke" });

test("an admin key needs no scopes", () => {
  expect(grants({ apiKeyId: "k", admin: true, scopes: [] }, invoke("c1"))).toBe(true);
});

test("null in a scope means any", () => {
  expect(grants(key(scope("chutes", null, "invoke")), invoke("c1"))).toBe(true);
  expect(grants(key(scope("chutes", "c1", null)), invoke("c1"))).toBe(true);
  expect(grants(key(scope("chutes", null, null)), invoke("c1"))).toBe(true);
});

test("type, object and action must all be covered by one scope", () => {
  expect(grants(key(scope("chutes", "c1", "read"), scope("chutes", "c2", "invoke")), invoke("c1"))).toBe(false);
  expect(grants(key(scope("images", null, null)), invoke("c1"))).toBe(false);
  expect(grants(key(), invoke("c1"))).toBe(false);
});

test("a list needs a scope for all objects", () => {
  const list: ScopedAction = { objectType: "chutes", objectId: null, action: "read" };
  expect(grants(key(scope("chutes", "c1", "read")), list)).toBe(false);
  expect(grants(key(scope("chutes", null, "read")), list)).toBe(true);
});

test("01 §4.3: a key for one chute passes a shared endpoint, to be checked again", () => {
  for (const shared of ["__megallm__", "__megadiffuser__", "__megaembed__"]) {
    expect(grants(key(scope("chutes", "c1", "invoke")), invoke(shared))).toBe(true);
    expect(grants(key(scope("chutes", "c1", "read")), invoke(shared))).toBe(false);
    expect(grants(key(scope("images", "c1", "invoke")), { ...invoke(shared), objectType: "images" })).toBe(false);
  }
});

test("grantsOnSome asks for the kind only", () => {
  const kind = { objectType: "chutes", action: "read" } as const;
  expect(grantsOnSome(key(scope("chutes", "c1", "read")), kind)).toBe(true);
  expect(grantsOnSome(key(scope("chutes", "c1", "write")), kind)).toBe(false);
});

test("scopes given twice are kept once", () => {
  const one = scope("chutes", null, "invoke");
  expect(distinctScopes([one, { ...one }, scope("chutes", "c1", "invoke")])).toEqual([
    one,
    scope("chutes", "c1", "invoke"),
  ]);
});

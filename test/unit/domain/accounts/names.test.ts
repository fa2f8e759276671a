import { expect, test } from "vitest";
import { PERMISSION, PERMISSION_NAMES } from "../../../../src/domain/accounts/account.js";
import { isApiKeyName } from "../../../../src/domain/accounts/api-key-name.js";
import { permissionNames, permissionTexts } from "../../../../src/domain/accounts/permission-texts.js";
import { isReservedUsername, isUsername } from "../../../../src/domain/accounts/username.js";

test.each(["abc", "alice_01", "A-b", "x".repeat(15)])("%s may be a username", (name) => {
  expect(isUsername(name)).toBe(true);
});

test.each(["", "ab", "x".repeat(16), "a b", "abc\n", "äöü", "a/b"])("%j may not be a username", (name) => {
  expect(isUsername(name)).toBe(false);
});

test("the platform's name and words of the API are reserved in any case", () => {
  expect(isReservedUsername("CHUTES", "chutes")).toBe(true);
  expect(isReservedUsername("acme", "Acme")).toBe(true);
  expect(isReservedUsername("Growth", "chutes")).toBe(true);
  expect(isReservedUsername("alice", "chutes")).toBe(false);
});

test.each(["a", "my key", "a.b-c_$1", "ключ", "x".repeat(24)])("%s may name a key", (name) => {
  expect(isApiKeyName(name)).toBe(true);
});

test.each(["", " a", "a\t", "a\u0085b", "a/b", "a@b", "x".repeat(25), "😀"])("%j may not name a key", (name) => {
  expect(isApiKeyName(name)).toBe(false);
});

test("each permission that is held has a sentence, in the order of the role names", () => {
  expect(permissionTexts({ permissions: 0 })).toEqual([]);
  expect(permissionTexts({ permissions: (1 << 11) | (1 << 6) })).toEqual([
    "Administer balances, quotas and discounts.",
    "Allow deploying models publicly.",
  ]);
  expect(permissionTexts({ permissions: 0xfff })).toHaveLength(12);
});

test("permissions are named as the protocol names them, and own bits stay clear of others' and of the sign", () => {
  expect(PERMISSION_NAMES.get("public_model_deployment")).toBe(1 << 11);
  expect(PERMISSION_NAMES.get("invoice_billing")).toBe(256);
  expect(permissionNames({ permissions: 0xfff })).toHaveLength(12);
  expect(permissionNames({ permissions: PERMISSION.superAdmin })).toEqual(["super_admin"]);
  for (const bit of PERMISSION_NAMES.values()) expect(bit < 1 << 12 || (bit >= 1 << 24 && bit <= 1 << 30)).toBe(true);
});

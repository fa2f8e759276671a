import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { apiKeyHash, apiKeyMatches, newApiKey, parseApiKey } from "../../../src/wire/api-key.js";

test("a new key carries both ids, is 102 characters long and differs every time", () => {
  const ids = { apiKeyId: randomUUID(), userId: randomUUID() };
  const key = newApiKey(ids);
  expect(key).toMatch(/^cpk_[a-f0-9]{32}\.[a-f0-9]{32}\.[a-zA-Z0-9]{32}$/);
  expect(key).toHaveLength(102);
  expect(parseApiKey(key)).toEqual(ids);
  expect(newApiKey(ids)).not.toBe(key);
});

test("anything else is no key", () => {
  const key = newApiKey({ apiKeyId: randomUUID(), userId: randomUUID() });
  for (const text of [
    "",
    "cpk_",
    key.slice(0, -1),
    `${key}a`,
    `${key}\n`,
    ` ${key}`,
    key.replace("cpk_", "cak_"),
    key.toUpperCase(),
  ]) {
    expect(parseApiKey(text)).toBeUndefined();
  }
});

test("a key matches its own hash only, in the sha256 form only", () => {
  const key = newApiKey({ apiKeyId: randomUUID(), userId: randomUUID() });
  const hash = apiKeyHash(key);
  expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(apiKeyMatches(key, hash)).toBe(true);
  expect(apiKeyMatches(`${key.slice(0, -1)}!`, hash)).toBe(false);
  expect(apiKeyMatches(key, hash.slice("sha256:".length))).toBe(false);
  expect(apiKeyMatches(key, "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$N8j1")).toBe(false);
  expect(apiKeyMatches(key, "")).toBe(false);
});

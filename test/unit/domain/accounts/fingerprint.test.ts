import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import {
  allowsUnsaltedTokens,
  isFingerprint,
  newFingerprint,
  storedFingerprint,
  storedForms,
} from "../../../../src/domain/accounts/fingerprint.js";
import { fingerprintHash } from "../../../../src/wire/ids.js";

test("fresh fingerprints have 32 letters and digits, and no two are alike", () => {
  const many = Array.from({ length: 200 }, newFingerprint);
  for (const one of many) expect(one).toMatch(/^[A-Za-z0-9]{32}$/);
  expect(new Set(many).size).toBe(200);
});

test("without a pepper the plain hash is stored, with one a keyed hash that says so", () => {
  expect(storedFingerprint("abc", "")).toBe(fingerprintHash("abc"));
  const keyed = createHmac("sha512", "pepper").update("abc").digest("hex");
  expect(storedFingerprint("abc", "pepper")).toBe(`hmac-sha512:${keyed}`);
  expect(storedForms("abc", "pepper")).toEqual([`hmac-sha512:${keyed}`, fingerprintHash("abc")]);
  expect(storedForms("abc", "")).toEqual([fingerprintHash("abc")]);
});

test("only the plain hash may have signed tokens without salt", () => {
  expect(allowsUnsaltedTokens(storedFingerprint("abc", ""))).toBe(true);
  expect(allowsUnsaltedTokens(storedFingerprint("abc", "pepper"))).toBe(false);
});

test.each([
  ["x".repeat(15), false],
  ["x".repeat(16), true],
  ["x".repeat(256), true],
  ["x".repeat(257), false],
  [" leading blank 123", false],
  ["with blanks inside", true],
])("%j may be chosen: %s", (text, expected) => expect(isFingerprint(text)).toBe(expected));

import fc from "fast-check";
import { expect, test } from "vitest";
import { cipherGeneration, compareVersions } from "../../../src/wire/versions.js";

test.each([
  ["0.5.5", "0.5.5.rc3", 0],
  ["0.5.5-dev+x", "0.5.5", 0],
  ["0.6", "0.6.0", 0],
  ["0.10.0", "0.9.9", 1],
  ["1.0.0", "0.99.99", 1],
  ["0.3.9", "0.3.10", -1],
  [null, "0.0.0", 0],
  ["nonsense", null, 0],
  [null, "0.0.1", -1],
])("%s against %s", (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
  expect(Math.sign(compareVersions(b, a)) + sign).toBe(0);
});

test("the order is numeric in each place", () => {
  const numbers = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99));
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const place = a.findIndex((value, at) => value !== b[at]);
      const expected = place === -1 ? 0 : Math.sign((a[place] ?? 0) - (b[place] ?? 0));
      expect(Math.sign(compareVersions(a.join("."), `${b.join(".")}.rc1`))).toBe(expected);
    }),
  );
});

test.each([
  [null, "plain"],
  ["0.1.99", "plain"],
  ["0.2.0", "aes-cbc"],
  ["0.5.0", "aes-cbc"],
  ["0.5.1", "aes-gcm"],
  ["0.5.4.rc9", "aes-gcm"],
  ["0.5.5.rc1", "chacha"],
  ["0.6.10", "chacha"],
])("04 §6.3: an instance of %s speaks %s", (version, generation) => {
  expect(cipherGeneration(version)).toBe(generation);
});

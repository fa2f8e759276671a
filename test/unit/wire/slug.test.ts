import fc from "fast-check";
import { expect, test } from "vitest";
import { RESERVED_LABELS, slugOf, slugSuffix, slugWithSuffix } from "../../../src/wire/slug.js";

const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

test("every name gives a host label of at most 58 characters, 63 with a suffix", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 120 }), fc.string({ maxLength: 200, unit: "grapheme" }), (username, name) => {
      const slug = slugOf(username, name);
      expect(slug).toMatch(LABEL);
      expect(slug.length).toBeLessThanOrEqual(58);
      const other = slugWithSuffix(slug, slugSuffix());
      expect(other).toMatch(LABEL);
      expect(other.length).toBeLessThanOrEqual(63);
    }),
  );
});

test.each([
  ["alice", "Müller's  model", "alice-mullers-model"],
  ["alice", "1,000,000 tokens, fast", "alice-1000000-tokens-fast"],
  ["alice", "Straße/Ærø", "alice-strasse-aero"],
  ["alice", "it’s", "alice-its"],
  ["___", "___", "chute"],
])("%s and %s give %s", (username, name, slug) => {
  expect(slugOf(username, name)).toBe(slug);
});

test("a suffix shortens the base so that the label still fits", () => {
  expect(slugWithSuffix("a".repeat(58), "00000")).toBe(`${"a".repeat(57)}-00000`);
  expect(slugWithSuffix(`${"a".repeat(56)}-b`, "00000")).toBe(`${"a".repeat(56)}-00000`);
});

test("suffixes use the given randomness", () => {
  const draws = [0, 25, 26, 35, 1];
  expect(slugSuffix((below) => (below === 36 ? (draws.shift() ?? 0) : -1))).toBe("az09b");
});

test("the platform's own labels are reserved", () => {
  for (const label of ["api", "llm", "image", "embed", "registry", "socket", "events", "logos", "www"]) {
    expect(RESERVED_LABELS.has(label)).toBe(true);
  }
});

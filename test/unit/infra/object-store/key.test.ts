import { isAbsolute, join, normalize } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkKey, checkPrefix, compareKeys } from "../../../../src/infra/object-store/key.js";

const isAccepted = (check: (text: string) => void, text: string) => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

test.each(["a", "invocations/2026/01/07/14.csv", "..a/b..", "a/...", "ü ✓/+%?#&=", ".hidden", "x".repeat(255)])(
  "key %j is accepted",
  (key) => {
    expect(isAccepted(checkKey, key)).toBe(true);
  },
);

test.each([
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/./b",
  "a/..",
  "a\\b",
  "a\0",
  "a\nb",
  "\ud800",
  "x".repeat(256),
  "a/".repeat(600),
])("key %j is refused", (key) => {
  expect(() => checkKey(key)).toThrow(expect.objectContaining({ kind: "invalid" }));
});

test("whatever is accepted names a file inside the folder", () => {
  const part = fc.oneof(
    fc.constantFrom("..", ".", "", "/", "\\", "\0", "a"),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const key = parts.join("/");
      if (!isAccepted(checkKey, key)) return;
      expect(isAbsolute(key)).toBe(false);
      expect(join("/root", key)).toBe(`/root/${key}`);
      expect(normalize(key)).toBe(key);
    }),
    { numRuns: 500 },
  );
});

test("a prefix is the beginning of a key", () => {
  expect(["", "a", "a/", "a/b"].every((prefix) => isAccepted(checkPrefix, prefix))).toBe(true);
  expect(["/", "../", "a//", "..", "a/../b"].some((prefix) => isAccepted(checkPrefix, prefix))).toBe(false);
});

test("keys are ordered by their UTF-8 bytes, not by UTF-16 units", () => {
  expect(["𝄞", "\uffee", "a"].toSorted(compareKeys)).toEqual(["a", "\uffee", "𝄞"]);
});

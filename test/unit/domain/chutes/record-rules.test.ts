import fc from "fast-check";
import { expect, test } from "vitest";
import { isChuteName } from "../../../../src/domain/chutes/record-rules.js";

test.each(["abc", "org/model-1.0", "a//b", ".x/y", "org/_x", "A_b", "unsloth/Llama-3.2-1B-Instruct"])(
  "03 §3: %s may name a chute",
  (name) => expect(isChuteName(name)).toBe(true),
);

test.each(["/abc", "_abc", "a b", "é", "ab", "abc\n", "a".repeat(128), "", "a%b"])("03 §3: %j may not", (name) =>
  expect(isChuteName(name)).toBe(false),
);

test("03 §3: no name takes long to judge", () => {
  const letters = fc.constantFrom("a", "/", "_", ".", "-", "!");
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 128 }), (name) => {
      const before = performance.now();
      isChuteName(name.join(""));
      return performance.now() - before < 100;
    }),
  );
});

import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { promptPrefixHashes } from "../../../src/wire/prefix-hashes.js";

test("the text of a chat is its contents in order", () => {
  const messages = [
    { role: "system", content: "a".repeat(600) },
    { role: "user", content: "b".repeat(600) },
  ];
  const prompt = "a".repeat(600) + "b".repeat(600);
  expect(promptPrefixHashes({ messages })).toEqual(promptPrefixHashes({ prompt }));
  expect(promptPrefixHashes({ messages })).toHaveLength(1);
});

test("sizes count characters, not UTF-16 units", () => {
  const prompt = "😀".repeat(1025);
  const md5 = createHash("md5").update("😀".repeat(1024)).digest("hex");
  expect(promptPrefixHashes({ prompt })).toEqual([{ size: 1024, md5 }]);
  expect(promptPrefixHashes({ prompt: "😀".repeat(1024) })).toEqual([]);
});

test("each hash is that of the prefix alone, longest first, all strictly shorter than the prompt", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9000 }), (length) => {
      const prompt = "ab".repeat(length).slice(0, length);
      const hashes = promptPrefixHashes({ prompt });
      expect(hashes.map(({ size }) => size)).toEqual([8192, 4096, 2048, 1024].filter((size) => size < length));
      for (const { size, md5 } of hashes)
        expect(md5).toBe(createHash("md5").update(prompt.slice(0, size)).digest("hex"));
    }),
    { numRuns: 50 },
  );
});

test.each([
  null,
  "text",
  1,
  {},
  { messages: "x" },
  { messages: [null] },
  { messages: [{ content: [{ type: "text" }] }] },
  { prompt: ["a"] },
])("%j has no prompt text", (body) => {
  expect(promptPrefixHashes(body)).toEqual([]);
});

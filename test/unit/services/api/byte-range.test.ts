import { expect, test } from "vitest";
import { namesTag, rangeOf } from "../../../../src/services/api/byte-range.js";

test.each([
  ["bytes=0-0", { start: 0, end: 0 }],
  ["bytes=10-", { start: 10, end: 99 }],
  ["Bytes=98-500", { start: 98, end: 99 }],
  ["bytes=-30", { start: 70, end: 99 }],
  ["bytes=-500", { start: 0, end: 99 }],
  [" bytes=1-2 ", { start: 1, end: 2 }],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  [`bytes=${"9".repeat(400)}-`, "unsatisfiable"],
  ["bytes=3-2", undefined],
  ["bytes=-", undefined],
  ["bytes=1-2,5-6", undefined],
  ["bytes=a-b", undefined],
  ["rows=1-2", undefined],
  ["", undefined],
  [undefined, undefined],
])("of 100 bytes %s is %j", (header, expected) => {
  expect(rangeOf(header, 100)).toEqual(expected);
});

test("an empty object satisfies no range", () => {
  expect(rangeOf("bytes=0-", 0)).toBe("unsatisfiable");
  expect(rangeOf("bytes=-5", 0)).toBe("unsatisfiable");
});

test.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ["*", true],
  ['"b"', false],
  ["a", false],
  [undefined, false],
])("If-None-Match %s names the tag: %s", (header, expected) => {
  expect(namesTag(header, '"a"')).toBe(expected);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePythonLiteral, parseQueryBoolean, pythonLiteral } from "../../../src/wire/python.js";

const { tree: literal } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
    fc.string({ unit: "binary" }),
    fc.constantFrom("'", "\\", "\\'", "\n", "\r\n\t", "\ud800", "\u2028", "\u0085"),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie("tree"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

describe("parseQueryBoolean", () => {
  test.each([
    ["True", true],
    ["true", true],
    ["1", true],
    ["YES", true],
    ["False", false],
    ["0", false],
    ["no", false],
    ["", undefined],
    ["maybe", undefined],
    ["2", undefined],
  ])("query %j is %s", (text, value) => {
    expect(parseQueryBoolean(text)).toBe(value);
  });
});

describe("pythonLiteral", () => {
  test("every value reads back", () => {
    fc.assert(
      fc.property(literal, (value) => void expect(parsePythonLiteral(pythonLiteral(value))).toEqual(value)),
      { numRuns: 500 },
    );
  });

  test("a literal is one line", () => {
    fc.assert(fc.property(literal, (value) => !/[\r\n\u2028\u2029\u0085]/.test(pythonLiteral(value))));
  });

  test.each([
    [{ it: 5, ttft: null, p: true, q: false }, "{'it': 5, 'ttft': None, 'p': True, 'q': False}"],
    [
      { nc: 12.5, maspt: 1e-7, big: 2n ** 64n, none: undefined },
      "{'nc': 12.5, 'maspt': 1e-07, 'big': 18446744073709551616}",
    ],
    [["it's", 'a "b"', "back\\slash"], String.raw`['it\'s', 'a "b"', 'back\\slash']`],
    [{}, "{}"],
    [[], "[]"],
    [null, "None"],
  ])("writes %s", (value, text) => {
    expect(pythonLiteral(value)).toBe(text);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol("s")])("%s has no literal", (value) => {
    expect(() => pythonLiteral([value])).toThrow(expect.objectContaining({ kind: "invalid" }));
  });
});

describe("parsePythonLiteral", () => {
  test.each([
    ["{'it': 1000, 'ot': 500, 'nc': 12.5}", { it: 1000, ot: 500, nc: 12.5 }],
    [" { \"a\" : [ 1 , 2.5 , ] , 'b' : ( ) , } ", { a: [1, 2.5], b: [] }],
    ["(1,)", [1]],
    ["(1)", 1],
    ["((1, 2), (3,))", [[1, 2], [3]]],
    ["('a', )", ["a"]],
    ["-1e-07", -1e-7],
    ["+.5", 0.5],
    ["5.", 5],
    ["1_000", 1000],
    ["18446744073709551615", 18446744073709551615n],
    [String.raw`'\x41\u00e9\U0001F600\n\'\"\\\q'`, "Aé😀\n'\"\\\\q"],
    ["'\\\n'", ""],
    ["{'__proto__': 1}", Object.fromEntries([["__proto__", 1]])],
  ])("reads %s", (text, value) => {
    expect(parsePythonLiteral(text)).toEqual(value);
  });

  test.each([
    "",
    "null",
    "true",
    "{'a': null}",
    "nan",
    "{'a': 1",
    "{'a' 1}",
    "{1: 2}",
    "[1 2]",
    "'abc",
    "'a\nb'",
    "1 2",
    "-",
    "{'a': 1}}",
    String.raw`'\x4'`,
    String.raw`'\UFFFFFFFF'`,
    "__import__('os')",
    "[".repeat(100_000),
  ])("%j is no literal", (text) => {
    expect(() => parsePythonLiteral(text)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  test("any text is either read or refused as invalid", () => {
    const fragment = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      "(",
      ")",
      "'",
      '"',
      ":",
      ",",
      "\\",
      "1",
      "-",
      ".",
      "e",
      "True",
      "None",
      " ",
      "x",
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 14 }), (fragments) => {
        try {
          parsePythonLiteral(fragments.join(""));
        } catch (error) {
          expect(error).toMatchObject({ kind: "invalid" });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

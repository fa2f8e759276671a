import fc from "fast-check";
import { parse as losslessParse, stringify as losslessStringify } from "lossless-json";
import { describe, expect, test } from "vitest";
import { parseJson, stringifyJson } from "../../../src/wire/json.js";

const MAX_SEED = 18446744073709551615n;

/** The reading we promise, by way of a parser that keeps every number's text. */
function reference(text: string): unknown {
  return losslessParse(text, null, (digits) => {
    const value = Number(digits);
    return /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? BigInt(digits) : value;
  });
}

const wideNumber = fc.oneof(
  fc
    .bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
  fc.constantFrom(MAX_SEED, 2n ** 53n, -(2n ** 53n), 2 ** 53 - 1, 10n ** 40n),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
);
const wideText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "1234567890123456789",
    ":1234567890123456789,",
    '"1234567890123456789"',
    '\\"',
    "[12345678901234567890]",
    "\\",
  ),
);
const { tree: document } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    wideNumber,
    wideText,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 5 }),
    fc.dictionary(
      wideText.filter((key) => key !== "__proto__"),
      tie("tree"),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}));

describe("parseJson", () => {
  test("integers that a double cannot hold become bigint, all others numbers", () => {
    const text =
      '{"seed":18446744073709551615,"edge":9007199254740992,"safe":9007199254740991,"n":-9007199254740993,"f":1.2345678901234567,"e":1e20}';
    expect(parseJson(text)).toEqual({
      seed: MAX_SEED,
      edge: 2n ** 53n,
      safe: 9007199254740991,
      n: -9007199254740993n,
      f: 1.2345678901234567,
      e: 1e20,
    });
  });

  test("digits inside strings are text", () => {
    const text = '{"a":"18446744073709551615","b":"\\":18446744073709551615,","c\\\\":18446744073709551615}';
    expect(parseJson(text)).toEqual({ a: "18446744073709551615", b: '":18446744073709551615,', "c\\": MAX_SEED });
  });

  test("agrees with a lossless parser on every document we or others write", () => {
    fc.assert(
      fc.property(document, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        const text = losslessStringify(value, null, indent) ?? "null";
        expect(parseJson(text)).toEqual(reference(text));
        expect(parseJson(Buffer.from(text))).toEqual(reference(text));
      }),
      { numRuns: 500 },
    );
  });

  test("accepts exactly the texts that the engine accepts", () => {
    const fragment = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      "\\",
      " ",
      "-",
      "+",
      ".",
      "e",
      "0",
      "1",
      "true",
      "null",
      "1234567890123456789",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join("");
        expect(accepts(() => parseJson(text))).toBe(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    "{12345678901234567890:1}",
    "[012345678901234567890]",
    '"\\',
    '"1234567890123456789',
    "[1234567890123456789",
    "",
    "NaN",
    "[1234567890123456789.]",
  ])("%j is refused with a client error", (text) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringMatching(/^invalid request JSON payload: /) }),
    );
  });

  test("bytes that are not UTF-8 are refused", () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  test("a view into a larger buffer is read alone", () => {
    expect(parseJson(Buffer.from('xx{"é":1}yy').subarray(2, -2))).toEqual({ é: 1 });
  });

  test("the key __proto__ stays a plain member", () => {
    const value = parseJson('{"__proto__":18446744073709551615,"a":[18446744073709551615]}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(Object(value))).toEqual([
      ["__proto__", MAX_SEED],
      ["a", [MAX_SEED]],
    ]);
  });

  test("depth is no danger", () => {
    const text = `${"[".repeat(5000)}18446744073709551615${"]".repeat(5000)}`;
    let value = parseJson(text);
    while (Array.isArray(value)) value = value[0];
    expect(value).toBe(MAX_SEED);
  });
});

describe("stringifyJson", () => {
  test("a bigint is a bare integer, everything else is the engine's compact form", () => {
    expect(stringifyJson({ seed: MAX_SEED, n: [-1n], text: "12n", skip: undefined })).toBe(
      '{"seed":18446744073709551615,"n":[-1],"text":"12n"}',
    );
    expect(stringifyJson({ a: 1.5, b: [null] })).toBe('{"a":1.5,"b":[null]}');
  });

  test("what it writes reads back", () => {
    fc.assert(
      fc.property(
        document,
        (value) => void expect(parseJson(stringifyJson(value))).toEqual(reference(losslessStringify(value) ?? "null")),
      ),
      {
        numRuns: 500,
      },
    );
  });

  test("a Date anywhere is a bug, a text of the same form is not", () => {
    const date = new Date("2026-01-07T14:00:00.123Z");
    for (const value of [date, { at: date }, [[date]], { seed: 1n, at: date }]) {
      expect(() => stringifyJson(value)).toThrow(TypeError);
    }
    expect(stringifyJson({ at: date.toISOString(), seed: 1n })).toBe('{"at":"2026-01-07T14:00:00.123Z","seed":1}');
  });

  test("values without a JSON form and cycles are bugs", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [undefined, () => 1, cycle]) expect(() => stringifyJson(value)).toThrow(TypeError);
  });
});

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

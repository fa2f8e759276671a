import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSdkCall } from "../../../src/wire/pickle.js";
import { readPickle } from "../../../src/wire/pickle-reader.js";
import pickles from "../../vectors/04-pickles.json" with { type: "json" };

const hex = (text: string) => Buffer.from(text, "hex");
const pack = (pickle: Buffer | string) =>
  gzipSync(typeof pickle === "string" ? Buffer.from(pickle, "latin1") : pickle).toString("base64");
const invalid = (message: RegExp) =>
  expect.objectContaining({ kind: "invalid", message: expect.stringMatching(message) });

/** Protocol 0 text of what the tests need: nested lists, dicts and tuples of integers and texts. */
const NO_ARGS = pack("(t.");
const NO_KWARGS = pack("(d.");
const callOf = (argument: string) => ({ args: pack(`(${argument}t.`), kwargs: NO_KWARGS });

describe("readPickle", () => {
  test.each(pickles.plainData)("reads plain data of protocol $protocol", ({ hex: text }) => {
    const data = new Map<string, unknown>([
      ["a", [1, 2.5, null, true, false, -3, 2n ** 70n, -(2n ** 65n), 300, 70000, "hé😀\n"]],
      ["t", [1]],
      ["t4", [1, 2, 3, 4]],
      ["n", new Map()],
      ["e", []],
      ["l", [[], new Map([["x", "y"]])]],
      ["s", "x".repeat(300)],
    ]);
    expect(readPickle(hex(text))).toEqual([data]);
  });

  test.each(pickles.sharedList)("reads shared values of protocol $protocol", ({ hex: text }) => {
    expect(readPickle(hex(text))).toEqual([[1, 2], [1, 2], new Map([["k", [1, 2]]])]);
  });

  test("reads bytes and sets", () => {
    for (const { hex: text } of pickles.bytesAndSet)
      expect(readPickle(hex(text))).toEqual([Buffer.from("bytes"), new Set([1, 2])]);
    expect(readPickle(hex(pickles.frozenSet))).toEqual(new Set([1]));
    expect(readPickle(hex(pickles.bytearray))).toEqual(Buffer.from("ab"));
  });

  test.each(pickles.refused)("refuses a $name", ({ hex: text }) => {
    expect(() => readPickle(hex(text))).toThrow(invalid(/is not plain data/));
  });

  test.each(["c", "\x93", "R", "b", "i", "o", "\x81", "\x92", "\x82", "\x83", "\x84", "P", "Q", "\x97", "\x98"])(
    "refuses opcode %j wherever it stands",
    (opcode) => {
      expect(() => readPickle(Buffer.from(`\x80\x04(${opcode}os\nsystem\n`, "latin1"))).toThrow(
        invalid(/is not plain data/),
      );
    },
  );

  test("every cut of a pickle and every flipped byte is read or refused as invalid", () => {
    for (const { hex: text } of pickles.plainData) {
      const bytes = hex(text).subarray(0, 220);
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
          const changed = Buffer.from(bytes);
          changed[at] = value;
          for (const input of [bytes.subarray(0, at), changed]) expect(readOrRefuse(input)).toBe(true);
        }),
      );
    }
  });

  test("millions of operations are refused, not executed", () => {
    expect(() => readPickle(Buffer.alloc(3_000_000, "]"))).toThrow(invalid(/too many operations/));
  });

  test.each([
    "\x80\x06N.",
    "\x80\x04.",
    "0.",
    "t.",
    "a.",
    "NNa.",
    "(Nd.",
    "g1\n.",
    "I1.5\n.",
    "Fx\n.",
    "X\xff\xff\xff\xffN.",
    "\x8d\xff\xff\xff\xff\xff\xff\xff\xffN.",
    "\x8c\x01\xff.",
  ])("%j is refused", (text) => {
    expect(() => readPickle(Buffer.from(text, "latin1"))).toThrow(expect.objectContaining({ kind: "invalid" }));
  });
});

describe("decodeSdkCall", () => {
  test("no argument is an empty object, one argument is the payload", () => {
    expect(decodeSdkCall({ args: NO_ARGS, kwargs: NO_KWARGS }, false)).toEqual({});
    expect(decodeSdkCall(callOf("(dVa\n(lI1\naI2\nas"), false)).toEqual({ a: [1, 2] });
  });

  test("a passthrough call takes json and params", () => {
    const call = { args: NO_ARGS, kwargs: pack("(dVjson\n(dVa\nI1\nss.") };
    expect(decodeSdkCall(call, true)).toEqual({ json: { a: 1 }, params: {} });
    expect(decodeSdkCall({ args: NO_ARGS, kwargs: NO_KWARGS }, true)).toEqual({ json: null, params: {} });
    expect(() => decodeSdkCall({ args: NO_ARGS, kwargs: pack("(dVdata\nI1\ns.") }, true)).toThrow(
      invalid(/json and params/),
    );
    expect(() => decodeSdkCall(callOf("I1\n"), true)).toThrow(invalid(/no positional/));
  });

  test("keywords and second arguments have no place in a plain call", () => {
    expect(() => decodeSdkCall({ args: NO_ARGS, kwargs: pack("(dVa\nI1\ns.") }, false)).toThrow(invalid(/no keyword/));
    expect(() => decodeSdkCall(callOf("I1\nI2\n"), false)).toThrow(invalid(/at most one/));
  });

  test("integer keys become text, as Python's JSON does; other keys are refused", () => {
    expect(decodeSdkCall(callOf("(dI1\nI2\ns"), false)).toEqual({ "1": 2 });
    expect(() => decodeSdkCall(callOf("(dNI2\ns"), false)).toThrow(invalid(/dict key/));
  });

  test("bytes, sets, NaN and infinity have no JSON form", () => {
    expect(() => decodeSdkCall(callOf("C\x02ab"), false)).toThrow(invalid(/bytes and sets/));
    expect(() => decodeSdkCall(callOf("\x8f"), false)).toThrow(invalid(/bytes and sets/));
    expect(() => decodeSdkCall(callOf("G\x7f\xf0\x00\x00\x00\x00\x00\x00"), false)).toThrow(invalid(/infinity/));
  });

  test("a small pickle that describes a huge tree is refused", () => {
    const memo = (at: number) => String.fromCharCode(at);
    const pairs = Array.from({ length: 40 }, (_, at) => `0h${memo(at)}h${memo(at)}\x86q${memo(at + 1)}`);
    expect(() => decodeSdkCall(callOf(`I1\nq\x00${pairs.join("")}`), false)).toThrow(invalid(/too large/));
  });

  test("a list that contains itself is refused", () => {
    expect(() => decodeSdkCall(callOf("(lp0\ng0\na"), false)).toThrow(invalid(/nested too deeply/));
  });

  test("what is not base64, not gzip or not a tuple and a dict is refused", () => {
    for (const args of ["%%%", "aGVsbG8=", pack("N."), NO_KWARGS, ""]) {
      expect(() => decodeSdkCall({ args, kwargs: NO_KWARGS }, false)).toThrow(
        expect.objectContaining({ kind: "invalid" }),
      );
    }
    expect(() => decodeSdkCall({ args: NO_ARGS, kwargs: NO_ARGS }, false)).toThrow(invalid(/kwargs a dict/));
  });
});

function readOrRefuse(bytes: Uint8Array): boolean {
  try {
    readPickle(bytes);
    return true;
  } catch (error) {
    return error instanceof Error && "kind" in error && error.kind === "invalid";
  }
}

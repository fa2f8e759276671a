import fc from "fast-check";
import { expect, test } from "vitest";
import { type MetricsFigures, MetricsReader } from "../../../../../src/operator/verify/csv/metrics-reader.js";
import { parsePythonLiteral, pythonLiteral } from "../../../../../src/wire/python.js";

const KEYS = ["it", "ot", "tokens", "steps", "masps", "maspt", "nc"] as const;

function read(text: string): { ok: boolean; figures: MetricsFigures } {
  const figures: MetricsFigures = { it: 1, ot: 1, tokens: 1, steps: 1, masps: 1, maspt: 1, nc: 1, isPrivate: true };
  const bytes = Buffer.from(`"${text}",next`);
  const end = bytes.length - ',next"'.length;
  return { ok: new MetricsReader().read(bytes, { start: 1, end }, figures), figures };
}

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: fc.constantFrom("a", "'", "\\", "}", ",", ":", "é"), maxLength: 6 }),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("it", "x"), fc.integer(), { maxKeys: 2 }),
);
const metrics = fc.dictionary(fc.constantFrom(...KEYS, "p", "ttft", "tps", "other", "toke", "n"), value, {
  maxKeys: 10,
});

test("reads from Python literals and JSON what a whole parser reads", () => {
  fc.assert(
    fc.property(metrics, (given) => {
      for (const text of [pythonLiteral(given), JSON.stringify(given)]) {
        const { ok, figures } = read(text);
        expect(ok).toBe(true);
        for (const key of KEYS) {
          const want = given[key];
          // Adding 0 makes -0 and 0 one: a Python float keeps the sign of zero, JSON does not.
          expect(figures[key] + 0).toBe(typeof want === "number" ? want + 0 : Number.NaN);
        }
        const p = given["p"];
        if (typeof p === "boolean" || typeof p === "number") expect(figures.isPrivate).toBe(Boolean(p));
      }
    }),
    { numRuns: 500 },
  );
});

test("accepts no literal that the auditor's parser refuses, JSON's words excepted", () => {
  const text = fc.string({
    unit: fc.constantFrom("{", "}", "'", "it", ":", "1", ".", ",", " ", "[", "]", "True", "-", "e"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (junk) => {
      const { ok } = read(`{${junk}}`);
      if (ok) expect(typeof parsePythonLiteral(`{${junk}}`)).toBe("object");
    }),
    { numRuns: 5000 },
  );
});

test.each([
  "",
  "{",
  "{'it': 1",
  "{'it' 1}",
  "{'it': }",
  "{'it': twelve}",
  "{'it': nan}",
  "{'it': 1} x",
  "[1, 2]",
  "'it'",
  "{it: 1}",
  "{'it': 1 'ot': 2}",
  "{'it': 1,, 'ot': 2}",
  "{'it': 1e999}",
  "{'it': 1.2.3}",
  "{'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': {'i': 1}}}}}}}}}",
])("%j is broken, and leaves no figure behind", (text) => {
  const { ok, figures } = read(text);
  expect(ok).toBe(false);
  expect(KEYS.map((key) => figures[key])).toEqual(KEYS.map(() => Number.NaN));
  expect(figures.isPrivate).toBe(false);
});

test.each([
  ["{}", Number.NaN],
  [" {'it' : 5 , } ", 5],
  ['{"it": 12.5e1}', 125],
  ["{'x': 'it', 'it': -3}", -3],
  ["{'it': None}", Number.NaN],
  ["{'it': 123456789.123456789}", 123456789.12345679],
  ["{'x': (1, 2), 'y': [], 'it': 1}", 1],
  ["{'x': 'a\\'b', 'it': 2}", 2],
])("%s", (text, it) => {
  const { ok, figures } = read(text);
  expect(ok).toBe(true);
  expect(figures.it).toBe(it);
});

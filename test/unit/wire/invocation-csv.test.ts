import { expect, test } from "vitest";
import { metricsField } from "../../../src/wire/invocation-csv.js";
import { parsePythonLiteral } from "../../../src/wire/python.js";

test("fractions keep their point, counts stay whole, null is empty", () => {
  const metrics = {
    it: 1000,
    ot: 500,
    ct: 0,
    tokens: 500,
    mc: 2,
    steps: 25,
    tps: 50,
    nc: 60,
    ttft: 0,
    ur: 1,
    b: 0,
    masps: 1e-7,
  };
  expect(metricsField(metrics)).toBe(
    "{'it': 1000, 'ot': 500, 'ct': 0, 'tokens': 500, 'mc': 2, 'steps': 25, 'tps': 50.0, 'nc': 60.0, 'ttft': 0.0, 'ur': 1.0, 'b': 0.0, 'masps': 1e-07}",
  );
  expect(metricsField(null)).toBe("");
  expect(metricsField({})).toBe("{}");
});

test("members nobody knows are kept, absent ones left out", () => {
  const metrics = { it: 5, ttft: null, p: true, tt: undefined, pricing: { rule: "it's", steps: [1, 2.5] } };
  expect(metricsField(metrics)).toBe(
    String.raw`{'it': 5, 'ttft': None, 'p': True, 'pricing': {'rule': 'it\'s', 'steps': [1, 2.5]}}`,
  );
  expect(parsePythonLiteral(metricsField(metrics))).toEqual({
    it: 5,
    ttft: null,
    p: true,
    pricing: { rule: "it's", steps: [1, 2.5] },
  });
});

test("a number without a literal is refused", () => {
  expect(() => metricsField({ tps: Number.POSITIVE_INFINITY })).toThrow(expect.objectContaining({ kind: "invalid" }));
});

import { expect, test } from "vitest";
import { secondsUsd, stepsUsd, tokenPrice, tokensUsd, toMicroUsd } from "../../../../src/domain/billing/price.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";
import { hourlyPriceUsd } from "../../../../src/wire/node-selector.js";

const hourlyUsd = hourlyPriceUsd(DEFAULT_GPU_TABLE, { gpu_count: 1, include: ["h100"] });
const H100 = { hourlyUsd, discount: 0, concurrency: 32 };

test("04 §19.18: one H100 costs 0.0243 and 0.0973 USD per million tokens", () => {
  expect(tokenPrice(H100)).toEqual({ input: 0.0243, output: 0.0973 });
});

test("04 §19.18: cached tokens are nearly free", () => {
  const usd = tokensUsd(tokenPrice(H100), { input: 1200, cached: 1000, output: 300 });
  expect(usd).toBeCloseTo(0.00003648, 10);
  expect(toMicroUsd(usd)).toBe(37n);
});

test("04 §19.18: without a template started seconds are paid", () => {
  expect(secondsUsd(H100, 3.2)).toBeCloseTo(0.0019888889, 10);
  expect(secondsUsd(H100, 4)).toBe(secondsUsd(H100, 3.2));
});

test("04 §19.18: images are paid by the step", () => {
  expect(stepsUsd(H100, 25)).toBeCloseTo(0.0895, 10);
});

test.each([
  { what: "nothing off", discount: 0, concurrency: 1, input: 0.0243 },
  { what: "half off at full concurrency", discount: 0.5, concurrency: 16, input: 0.0122 },
  { what: "a discount at low concurrency is dearer again", discount: 0.5, concurrency: 4, input: 0.0486 },
  { what: "unknown concurrency counts as one", discount: 0.5, concurrency: null, input: 0.1946 },
  { what: "a surcharge", discount: -1, concurrency: 32, input: 0.0486 },
  { what: "an impossible discount is none", discount: 1.5, concurrency: 32, input: 0.0243 },
  { what: "free", discount: 1, concurrency: 32, input: 0 },
])("token price with $what", ({ discount, concurrency, input }) => {
  expect(tokenPrice({ hourlyUsd, discount, concurrency }).input).toBeCloseTo(input, 4);
});

test("the cheapest hardware still costs a cent per million tokens", () => {
  expect(tokenPrice({ hourlyUsd: 0.2, discount: 0, concurrency: 32 })).toEqual({ input: 0.01, output: 0.0109 });
});

test.each([
  [0, 0n],
  [-1, 0n],
  [1e-9, 1n],
  [0.000001, 1n],
  [0.0000010000000000001, 1n],
  [0.0000011, 2n],
  [0.1 + 0.2, 300_000n],
  [12.345678, 12_345_678n],
])("%d USD is %s µUSD", (usd, micro) => {
  expect(toMicroUsd(usd)).toBe(micro);
});

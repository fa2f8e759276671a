import { expect, test } from "vitest";
import {
  type CallerTerms,
  type PriceOverride,
  type PriceSettings,
  secondsUsd,
  stepsUsd,
  tokenPrice,
  tokensUsd,
  toMicroUsd,
  untokenedUsd,
} from "../../../../src/domain/billing/price.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";
import { hourlyPriceUsd } from "../../../../src/wire/node-selector.js";

const hourlyUsd = hourlyPriceUsd(DEFAULT_GPU_TABLE, { gpu_count: 1, include: ["h100"] });
const SETTINGS: PriceSettings = { lowConcurrencySurcharge: "discounted", stepMultiplier: 0.002, cacheDiscount: 0.9 };
const H100 = { hourlyUsd, discount: 0, concurrency: 32 };

test("04 §19.18: one H100 costs 0.0243 and 0.0973 USD per million tokens", () => {
  expect(tokenPrice(H100, SETTINGS)).toEqual({ input: 0.0243, output: 0.0973 });
});

test("04 §19.18: cached tokens are nearly free", () => {
  const usd = tokensUsd(tokenPrice(H100, SETTINGS), { input: 1200, cached: 1000, output: 300 }, SETTINGS);
  expect(usd).toBeCloseTo(0.00003648, 10);
  expect(toMicroUsd(usd)).toBe(37n);
});

test("04 §19.18: without a template started seconds are paid", () => {
  expect(secondsUsd(H100, 3.2)).toBeCloseTo(0.0019888889, 10);
  expect(secondsUsd(H100, 4)).toBe(secondsUsd(H100, 3.2));
});

test("04 §19.18: images are paid by the step", () => {
  expect(stepsUsd(H100, 25, SETTINGS)).toBeCloseTo(0.0895, 10);
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
  expect(tokenPrice({ hourlyUsd, discount, concurrency }, SETTINGS).input).toBeCloseTo(input, 4);
});

test("the cheapest hardware still costs a cent per million tokens", () => {
  expect(tokenPrice({ hourlyUsd: 0.2, discount: 0, concurrency: 32 }, SETTINGS)).toEqual({
    input: 0.01,
    output: 0.0109,
  });
});

const NO_PARTS: PriceOverride = { perRequest: null, perMillionIn: null, perMillionOut: null, perStep: null };

function terms(override: Partial<PriceOverride>, more: Partial<CallerTerms> = {}): CallerTerms {
  return { override: { ...NO_PARTS, ...override }, isOwnOverride: false, discount: 0, ...more };
}

test.each([
  { lowConcurrencySurcharge: "always", discount: 0, input: 0.0972 },
  { lowConcurrencySurcharge: "discounted", discount: 0, input: 0.0243 },
  { lowConcurrencySurcharge: "always", discount: 0.5, input: 0.0486 },
  { lowConcurrencySurcharge: "never", discount: 0.5, input: 0.0122 },
] as const)("03 §7.3: a surcharge $lowConcurrencySurcharge, with $discount off, makes $input", (row) => {
  const basis = { hourlyUsd, discount: row.discount, concurrency: 4 };
  const settings = { ...SETTINGS, lowConcurrencySurcharge: row.lowConcurrencySurcharge };
  expect(tokenPrice(basis, settings).input).toBeCloseTo(row.input, 3);
});

test.each([
  { hourly: 22, concurrency: 32, discount: 0, input: 0.3, output: 1.2 },
  { hourly: 22, concurrency: 12, discount: 0.1, input: 0.36, output: 1.43 },
  { hourly: 0.2, concurrency: 32, discount: 0, input: 0.01, output: 0.01 },
  { hourly: 1.2, concurrency: 32, discount: 0.5, input: 0.01, output: 0.03 },
])("03 §20.7: $hourly USD/h at concurrency $concurrency costs $input and $output", (row) => {
  const price = tokenPrice({ hourlyUsd: row.hourly, discount: row.discount, concurrency: row.concurrency }, SETTINGS);
  expect([price.input, price.output].map((usd) => Number(usd.toFixed(2)))).toEqual([row.input, row.output]);
});

test("04 §10.2: parts that were set replace the computed ones, the chute's discount and surcharge with them", () => {
  const basis = { hourlyUsd, discount: 0.5, concurrency: 4 };
  expect(tokenPrice(basis, SETTINGS, terms({ perMillionIn: 2 }))).toEqual({ input: 2, output: 0.1946 });
});

test("04 §10.2: a caller's discount applies to everybody's prices and not to the caller's own", () => {
  const discount = 0.25;
  expect(tokenPrice(H100, SETTINGS, { isOwnOverride: false, discount }).input).toBe(0.0182);
  expect(tokenPrice(H100, SETTINGS, terms({ perMillionIn: 2 }, { discount })).input).toBe(1.5);
  const own = tokenPrice(H100, SETTINGS, terms({ perMillionIn: 2 }, { discount, isOwnOverride: true }));
  expect(own).toEqual({ input: 2, output: 0.0973 });
  const ofOtherCalls = terms({ perRequest: 1 }, { discount, isOwnOverride: true });
  expect(tokenPrice(H100, SETTINGS, ofOtherCalls).input).toBe(0.0182);
});

test.each([
  { what: "steps that were priced", override: { perStep: 0.01, perRequest: 7 }, steps: 25, usd: 0.25 },
  { what: "requests that were priced", override: { perRequest: 0.5 }, steps: 25, usd: 0.5 },
  { what: "requests priced at nothing", override: { perRequest: 0 }, steps: undefined, usd: 0 },
  { what: "a price per step where time counts", override: { perStep: 0.01 }, steps: undefined, usd: 0.00019888889 / 2 },
  { what: "computed steps", override: {}, steps: 25, usd: 0.00895 / 2 },
])("04 §10.3, §10.4: $what; only computed prices know repeats and discounts", ({ override, steps, usd }) => {
  const agreed = terms(override, { discount: 0.5 });
  const call = { steps, durationSeconds: 3.2, factor: 0.1 };
  expect(untokenedUsd({ basis: H100, terms: agreed }, call, SETTINGS)).toBeCloseTo(usd, 10);
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

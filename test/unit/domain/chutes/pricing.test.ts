import { expect, test } from "vitest";
import {
  deployFeeMicroUsd,
  estimatedPrice,
  type PriceTerms,
  selectorFacts,
  shownTokenPrice,
} from "../../../../src/domain/chutes/pricing.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";

const SETTINGS = { lowConcurrencySurcharge: "discounted", stepMultiplier: 0.005, cacheDiscount: 0.5 } as const;
const facts = (selector: Parameters<typeof selectorFacts>[1]) => selectorFacts(DEFAULT_GPU_TABLE, selector);

test.each([
  [22, { concurrency: 32, discount: 0 }, { input: 0.3, output: 1.2 }],
  [22, { concurrency: 12, discount: 0.1 }, { input: 0.36, output: 1.43 }],
  [0.2, { concurrency: 16, discount: 0 }, { input: 0.01, output: 0.01 }],
  [1.2, { concurrency: 16, discount: 0.5 }, { input: 0.01, output: 0.03 }],
])("03 §20.7, §7.3: %d USD/h with %j", (hourlyUsd, chute, prices) => {
  expect(shownTokenPrice({ hourlyUsd, ...chute }, SETTINGS)).toEqual(prices);
});

test("03 §7.3: concurrency null and 0 count as 1; the surcharge has a switch", () => {
  const price = (concurrency: number | null, lowConcurrencySurcharge: "always" | "never") =>
    shownTokenPrice({ hourlyUsd: 22, discount: 0, concurrency }, { ...SETTINGS, lowConcurrencySurcharge });
  expect(price(null, "always")).toEqual(price(1, "always"));
  expect(price(0, "always")).toEqual(price(1, "always"));
  expect(price(1, "always").input).toBeCloseTo(0.2989 * 16, 1);
  expect(price(1, "never")).toEqual(price(16, "never"));
});

test.each([
  [{ gpu_count: 1 }, 0.0444444, 0.2],
  [{ gpu_count: 8, min_vram_gb_per_gpu: 140 }, 4.8888889, 22],
  [{ gpu_count: 8, include: ["h200"] }, 4.8888889, 22],
  [{ gpu_count: 1, min_vram_gb_per_gpu: 80, max_hourly_price_per_gpu: 1.3 }, 0.1333333, 0.6],
  [{ gpu_count: 4, min_vram_gb_per_gpu: 48, exclude: ["a40", "a6000"] }, 0.4888889, 2.2],
])("03 §20.7, §6.4: %j", (selector, multiplier, hourlyUsd) => {
  expect(facts(selector).computeMultiplier).toBeCloseTo(multiplier, 7);
  expect(facts(selector).hourlyUsd).toBeCloseTo(hourlyUsd, 9);
});

test.each([
  [{ gpu_count: 1 }, 600_000n],
  [{ gpu_count: 1, include: ["pro_6000"] }, 5_400_000n],
  [{ gpu_count: 8, include: ["h200"] }, 66_000_000n],
  [{ gpu_count: 2, min_vram_gb_per_gpu: 80 }, 3_600_000n],
])("03 §5.3: fee of %j", (selector, fee) => {
  expect(deployFeeMicroUsd(facts(selector))).toBe(fee);
});

test("03 §20.7: a dearer GPU in the table halves multipliers and leaves prices alone", () => {
  const [dearest] = [...DEFAULT_GPU_TABLE.values()].slice(-1);
  if (dearest === undefined) throw new Error("the default table is empty");
  const table = new Map([...DEFAULT_GPU_TABLE, ["x1", { ...dearest, hourly_rate: 9 }]]);
  const selector = { gpu_count: 1, include: ["h200"] };
  const [before, after] = [facts(selector), selectorFacts(table, selector)];
  expect(after.computeMultiplier).toBeCloseTo(before.computeMultiplier / 2, 9);
  expect(after.hourlyUsd).toBe(before.hourlyUsd);
});

test("a selector that no GPU fits any more is worth nothing instead of an error", () => {
  expect(facts({ include: ["3090"], min_vram_gb_per_gpu: 80 })).toEqual({
    supportedGpus: [],
    computeMultiplier: 0,
    hourlyUsd: 0,
    dearestHourlyUsd: 0,
  });
});

const h200 = facts({ gpu_count: 8, include: ["h200"] });
const plain = { standardTemplate: null, concurrency: 32, discount: 0 } as const;
const priced = (terms: Partial<PriceTerms>) =>
  estimatedPrice(h200, { chute: plain, isPrivate: false, settings: SETTINGS, ...terms });

test("03 §7.2: each kind of chute has its own price member, reduced by the discount", () => {
  expect(priced({})).toEqual({ usd: { hour: 22, second: 22 / 3600 } });
  expect(priced({ chute: { ...plain, standardTemplate: "vllm" } }).per_million_tokens).toEqual({
    input: { usd: 0.3 },
    output: { usd: 1.2 },
    input_cache_read: { usd: 0.15 },
  });
  const diffusion = priced({ chute: { ...plain, standardTemplate: "diffusion", discount: 0.5 } });
  expect(diffusion).toEqual({ usd: { hour: 11, second: 11 / 3600 }, per_step: { usd: expect.closeTo(0.055, 9) } });
  const pair = facts({ gpu_count: 2, include: ["a100", "h200"] });
  const range = estimatedPrice(pair, { chute: plain, isPrivate: true, settings: SETTINGS });
  expect(range.hourly_price_range).toEqual({ usd: { min: 2.4, max: 5.5 } });
});

test("03 §7.2: every amount is there in TAO too while its price is known", () => {
  const vllm = { ...plain, standardTemplate: "vllm" } as const;
  const {
    usd,
    tao,
    per_million_tokens: tokens,
    hourly_price_range: range,
  } = priced({
    chute: vllm,
    isPrivate: true,
    taoUsd: 400,
  });
  expect(tao).toEqual({ hour: usd.hour / 400, second: usd.second / 400 });
  expect(tokens?.input).toEqual({ usd: 0.3, tao: 0.3 / 400 });
  expect(range?.tao).toEqual({ min: 22 / 400, max: 22 / 400 });
  expect(JSON.stringify(priced({ chute: vllm, isPrivate: true }))).not.toContain("tao");
});

test("03 §7.3: prices that were set for everybody take the place of computed ones", () => {
  const override = { perRequest: 0.25, perMillionIn: 0.11, perMillionOut: null, perStep: 0.02 };
  expect(priced({ override }).per_request).toEqual({ usd: 0.25 });
  const tokens = priced({ override, chute: { ...plain, standardTemplate: "vllm" } });
  expect(tokens.per_million_tokens).toMatchObject({ input: { usd: 0.11 }, output: { usd: 1.2 } });
  expect(tokens).not.toHaveProperty("per_request");
  expect(priced({ override, chute: { ...plain, standardTemplate: "diffusion" } }).per_step).toEqual({ usd: 0.02 });
});

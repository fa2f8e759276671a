import { expect, test } from "vitest";
import {
  deployFeeMicroUsd,
  estimatedPrice,
  selectorFacts,
  tokenPricesUsd,
} from "../../../../src/domain/chutes/pricing.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";

const facts = (selector: Parameters<typeof selectorFacts>[1]) => selectorFacts(DEFAULT_GPU_TABLE, selector);

test.each([
  [22, { concurrency: 32, discount: 0 }, { input: 0.3, output: 1.2 }],
  [22, { concurrency: 12, discount: 0.1 }, { input: 0.36, output: 1.43 }],
  [0.2, { concurrency: 16, discount: 0 }, { input: 0.01, output: 0.01 }],
  [1.2, { concurrency: 16, discount: 0.5 }, { input: 0.01, output: 0.03 }],
])("03 §7.3: %d USD/h with %j", (hourlyUsd, chute, prices) => {
  expect(tokenPricesUsd(hourlyUsd, chute)).toEqual(prices);
});

test("03 §7.3: concurrency null and 0 count as 1", () => {
  const one = tokenPricesUsd(22, { concurrency: 1, discount: 0 });
  expect(tokenPricesUsd(22, { concurrency: null, discount: 0 })).toEqual(one);
  expect(tokenPricesUsd(22, { concurrency: 0, discount: 0 })).toEqual(one);
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

test("03 §7.2: each kind of chute has its own price member, reduced by the discount", () => {
  const h200 = facts({ gpu_count: 8, include: ["h200"] });
  const plain = { standardTemplate: null, concurrency: 32, discount: 0 } as const;
  expect(estimatedPrice(h200, plain, false)).toEqual({ usd: { hour: 22, second: 22 / 3600 } });
  expect(estimatedPrice(h200, { ...plain, standardTemplate: "vllm" }, false).per_million_tokens).toEqual({
    input: { usd: 0.3 },
    output: { usd: 1.2 },
    input_cache_read: { usd: 0.15 },
  });
  const diffusion = estimatedPrice(h200, { ...plain, standardTemplate: "diffusion", discount: 0.5 }, false);
  expect(diffusion).toEqual({ usd: { hour: 11, second: 11 / 3600 }, per_step: { usd: expect.closeTo(0.055, 9) } });
  const range = estimatedPrice(facts({ gpu_count: 2, include: ["a100", "h200"] }), plain, true);
  expect(range.hourly_price_range).toEqual({ usd: { min: 2.4, max: 5.5 } });
});

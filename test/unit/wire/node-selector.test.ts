import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_GPU_TABLE, dearestRate, gpuComputeMultiplier } from "../../../src/wire/gpu-table.js";
import { computeMultiplier, hourlyPriceUsd, supportedGpus } from "../../../src/wire/node-selector.js";

const table = DEFAULT_GPU_TABLE;
const keys = [...table.keys()];
const anySelector = fc.record(
  {
    gpu_count: fc.integer({ min: 1, max: 8 }),
    min_vram_gb_per_gpu: fc.integer({ min: 16, max: 140 }),
    max_hourly_price_per_gpu: fc.option(fc.double({ min: 0.1, max: 9, noNaN: true })),
    include: fc.option(fc.subarray(keys)),
    exclude: fc.option(fc.subarray(keys)),
  },
  { requiredKeys: [] },
);

test("keys are matched whatever their case, and come sorted", () => {
  expect(supportedGpus(table, { include: ["H200", "B200", "a40"], exclude: ["A40"] })).toEqual(["b200", "h200"]);
});

test("an empty include means all", () => {
  expect(supportedGpus(table, { include: [] })).toEqual(supportedGpus(table, {}));
});

test("the AMD key stays only when it is alone", () => {
  expect(supportedGpus(table, { min_vram_gb_per_gpu: 140 })).toEqual(["b200", "h200"]);
  expect(supportedGpus(table, { include: ["mi300x"] })).toEqual(["mi300x"]);
});

test("no supported GPU is an error of the caller", () => {
  for (const selector of [{ include: ["nonsense"] }, { include: ["3090"], min_vram_gb_per_gpu: 48 }]) {
    expect(supportedGpus(table, selector)).toEqual([]);
    expect(() => computeMultiplier(table, selector)).toThrow(expect.objectContaining({ kind: "invalid" }));
    expect(() => hourlyPriceUsd(table, selector)).toThrow(expect.objectContaining({ kind: "invalid" }));
  }
});

test("every supported GPU satisfies every member of the selector, and the price is the cheapest of them", () => {
  fc.assert(
    fc.property(anySelector, (selector) => {
      const supported = supportedGpus(table, selector);
      fc.pre(supported.length > 0);
      for (const key of supported) {
        const spec = table.get(key);
        expect(spec?.memory).toBeGreaterThanOrEqual(selector.min_vram_gb_per_gpu ?? 16);
        expect(spec?.hourly_rate).toBeLessThanOrEqual(selector.max_hourly_price_per_gpu ?? 10);
        expect(selector.exclude ?? []).not.toContain(key);
        if (selector.include?.length) expect(selector.include).toContain(key);
      }
      const rates = supported.map((key) => table.get(key)?.hourly_rate ?? 0);
      const count = selector.gpu_count ?? 1;
      expect(hourlyPriceUsd(table, selector)).toBeCloseTo(count * Math.min(...rates), 9);
      expect(computeMultiplier(table, selector) * dearestRate(table)).toBeCloseTo(hourlyPriceUsd(table, selector), 9);
    }),
  );
});

test("the price basis follows the operator's table", () => {
  const [spec] = table.values();
  if (spec === undefined) throw new Error("the table is empty");
  const own = new Map([
    ["cheap", { ...spec, hourly_rate: 1 }],
    ["dear", { ...spec, hourly_rate: 8 }],
  ]);
  expect(computeMultiplier(own, { gpu_count: 4 })).toBe(0.5);
  expect(gpuComputeMultiplier(own, "dear")).toBe(1);
  expect(gpuComputeMultiplier(own, "unknown")).toBeUndefined();
});

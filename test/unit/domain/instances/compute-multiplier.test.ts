import { expect, test } from "vitest";
import { effectiveMultiplier, type PricedChute } from "../../../../src/domain/instances/compute-multiplier.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";

const RULES = { privateMultiplier: 2, teeMultiplier: 1.5 };
const CHUTE: PricedChute = {
  nodeSelector: { gpu_count: 8, include: ["h200"] },
  isPrivate: false,
  tee: false,
  boost: null,
};
const of = (changes: Partial<PricedChute>) => effectiveMultiplier(DEFAULT_GPU_TABLE, { ...CHUTE, ...changes }, RULES);

test("a public chute is worth its hardware", () => {
  const { value, factors } = of({});
  expect(value).toBeCloseTo(4.8888889, 7);
  expect(Object.keys(factors)).toEqual(["base"]);
});

test.each<[Partial<PricedChute>, Record<string, number>]>([
  [{ isPrivate: true }, { private: 2 }],
  [{ tee: true }, { tee: 1.5 }],
  [{ boost: 3 }, { urgency_boost: 3 }],
  [
    { isPrivate: true, tee: true, boost: 20 },
    { private: 2, tee: 1.5, urgency_boost: 20 },
  ],
])("factors of %o multiply", (changes, expected) => {
  const { value, factors } = of(changes);
  expect(factors).toEqual({ base: of({}).value, ...expected });
  expect(value).toBeCloseTo(
    Object.values(factors).reduce((a, b) => a * b, 1),
    9,
  );
});

test.each([0, -1, 20.1])("a boost of %d does not apply", (boost) => {
  expect(of({ boost })).toEqual(of({}));
});

test("a selector that no GPU satisfies is worth 0, so that miners leave it alone", () => {
  expect(of({ nodeSelector: { include: ["3090"], min_vram_gb_per_gpu: 80 }, isPrivate: true }).value).toBe(0);
});

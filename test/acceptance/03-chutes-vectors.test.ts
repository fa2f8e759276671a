import { describe, expect, test } from "vitest";
import { DEFAULT_GPU_TABLE, gpuComputeMultiplier, matchGpuName } from "../../src/wire/gpu-table.js";
import { chuteIdOf, chuteVersionOf, cordRefId, uuid5 } from "../../src/wire/ids.js";
import { computeMultiplier, hourlyPriceUsd, supportedGpus } from "../../src/wire/node-selector.js";
import { slugOf } from "../../src/wire/slug.js";
import vectors from "../vectors/03-chutes.json" with { type: "json" };

test.each(vectors.chuteIds)("03 §2: chute id of $username, $name", ({ username, name, id }) => {
  expect(chuteIdOf(username, name)).toBe(id);
});

describe("03 §2 versions", () => {
  const { imageId, code, ...expected } = vectors.version;

  test("03 §2: recipe C with patch initial and with none", () => {
    expect(chuteVersionOf({ imageId, patchVersion: "initial", code })).toBe(expected.initial);
    expect(chuteVersionOf({ imageId, patchVersion: null, code })).toBe(expected.null);
  });

  test("03 §2: recipe B is what older records hold", () => {
    expect(uuid5(`${imageId}:${code}`)).toBe(expected.recipeB);
  });
});

test.each(vectors.slugs)("03 §4: slug of $username, $name", ({ username, name, slug }) => {
  expect(slugOf(username, name)).toBe(slug);
});

describe("03 §6.3 GPU table", () => {
  test("03 §6.3: the default table, in order", () => {
    expect([...DEFAULT_GPU_TABLE]).toEqual(vectors.gpus.map(({ key, spec }) => [key, spec]));
  });

  test.each(vectors.gpuNames)("03 §6.3: $name is $key", ({ name, key }) => {
    expect(matchGpuName(DEFAULT_GPU_TABLE, name) ?? null).toBe(key);
  });
});

describe("03 §6.4 compute multiplier", () => {
  test.each(vectors.gpus)("03 §6.4: multiplier of $key", ({ key, computeMultiplier: expected }) => {
    expect(gpuComputeMultiplier(DEFAULT_GPU_TABLE, key)).toBeCloseTo(expected, 6);
  });

  test.each(vectors.selectors)("03 §6.4: $selector", ({ selector, multiplier, usdPerHour, supported }) => {
    expect(computeMultiplier(DEFAULT_GPU_TABLE, selector)).toBeCloseTo(multiplier, 7);
    expect(hourlyPriceUsd(DEFAULT_GPU_TABLE, selector)).toBeCloseTo(usdPerHour, 9);
    if (supported !== undefined) expect(supportedGpus(DEFAULT_GPU_TABLE, selector)).toEqual(supported);
  });
});

test("03 §9.3: cord reference id", () => {
  expect(cordRefId(vectors.cordRef.cords)).toBe(vectors.cordRef.id);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  maxUpscale,
  refusalOfWeights,
  type SubnetRules,
  type WeightsState,
  type WeightsVector,
} from "../../../../src/local/chain/weight-checks.js";

const RULES: SubnetRules = {
  commitReveal: false,
  rateLimitBlocks: 100,
  versionKey: 5n,
  minAllowed: 2,
  maxLimit: 65_535,
  stakeThresholdRao: 1000n,
};
const OWN = { uid: 0, stakeRao: 1000n, validatorPermit: true, lastUpdateBlock: 900 };
const STATE: WeightsState = { rules: RULES, block: 1000, neuronCount: 4, own: OWN };
const CALL: WeightsVector = { dests: [1, 2], values: [10, 20], versionKey: 5n };

function withRules(rules: Partial<SubnetRules>): WeightsState {
  return { ...STATE, rules: { ...RULES, ...rules } };
}

test("a call that breaks no rule is accepted", () => {
  expect(refusalOfWeights(CALL, STATE)).toBeUndefined();
});

test.each<[string, Partial<WeightsVector>, WeightsState]>([
  ["CommitRevealEnabled", {}, withRules({ commitReveal: true })],
  ["WeightVecNotEqualSize", { values: [1] }, STATE],
  ["MechanismDoesNotExist", {}, { ...STATE, rules: undefined }],
  ["UidsLengthExceedUidsInSubNet", { dests: [0, 1, 2, 3, 4], values: [1, 1, 1, 1, 1] }, STATE],
  ["HotKeyNotRegisteredInSubNet", {}, { ...STATE, own: undefined }],
  ["NotEnoughStakeToSetWeights", {}, { ...STATE, own: { ...OWN, stakeRao: 999n } }],
  ["IncorrectWeightVersionKey", { versionKey: 4n }, STATE],
  ["SettingWeightsTooFast", {}, { ...STATE, block: 999 }],
  ["NeuronNoValidatorPermit", {}, { ...STATE, own: { ...OWN, validatorPermit: false } }],
  ["DuplicateUids", { dests: [1, 1] }, STATE],
  ["UidVecContainInvalidOne", { dests: [1, 4] }, STATE],
  ["WeightVecLengthIsLow", { dests: [1], values: [1] }, STATE],
  ["MaxWeightExceeded", { values: [10, 30] }, withRules({ maxLimit: 49_151 })],
])("%s is what one broken rule is called", (name, call, state) => {
  expect(refusalOfWeights({ ...CALL, ...call }, state)).toBe(name);
});

test("of several broken rules the first in the chain's order gives the name", () => {
  const slow = { ...STATE, block: 950, own: { ...OWN, validatorPermit: false } };
  expect(refusalOfWeights({ dests: [1, 1, 9], values: [1, 1, 1], versionKey: 1n }, slow)).toBe(
    "IncorrectWeightVersionKey",
  );
  expect(refusalOfWeights({ dests: [1, 1, 9], values: [1, 1, 1], versionKey: 5n }, slow)).toBe("SettingWeightsTooFast");
  expect(
    refusalOfWeights({ dests: [1, 1], values: [1, 1, 1], versionKey: 1n }, withRules({ commitReveal: true })),
  ).toBe("CommitRevealEnabled");
});

test("a neuron that never updated is not too fast", () => {
  const first = { ...STATE, block: 1, own: { ...OWN, lastUpdateBlock: 0 } };
  expect(refusalOfWeights(CALL, first)).toBeUndefined();
});

test("a chain version key of 0 accepts every key", () => {
  expect(refusalOfWeights({ ...CALL, versionKey: 0n }, withRules({ versionKey: 0n }))).toBeUndefined();
});

test("a lone entry is enough only when it is the signer itself, limit or not", () => {
  const strict = withRules({ maxLimit: 1000 });
  expect(refusalOfWeights({ ...CALL, dests: [0], values: [1] }, strict)).toBeUndefined();
});

test("a subnet smaller than the minimum asks for no more than it has", () => {
  const small = { ...withRules({ minAllowed: 8 }), neuronCount: 2 };
  expect(refusalOfWeights({ ...CALL, dests: [0, 1] }, small)).toBeUndefined();
});

test("the largest share may equal the limit", () => {
  expect(refusalOfWeights({ ...CALL, values: [49_151, 16_384] }, withRules({ maxLimit: 49_151 }))).toBeUndefined();
});

test("07 §4.2: stored values are scaled to a maximum of 65535", () => {
  expect(maxUpscale([100, 250, 13])).toEqual([26_214, 65_535, 3408]);
  expect(maxUpscale([0, 0])).toEqual([0, 0]);
  expect(maxUpscale([])).toEqual([]);
});

test("scaling keeps order and zeros and never leaves u16", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 32 }), (values) => {
      const scaled = maxUpscale(values);
      const max = Math.max(...values);
      expect(Math.max(...scaled)).toBe(max === 0 ? 0 : 65_535);
      for (const [index, value] of values.entries()) {
        expect(Math.abs((scaled[index] ?? -1) - (max === 0 ? 0 : (value * 65_535) / max))).toBeLessThanOrEqual(0.5);
      }
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { quantiseMaxScaled, quantiseSumScaled, storedRow } from "../../../../../src/domain/scoring/quantise.js";
import { compareWeights, WEIGHT_TOLERANCE } from "../../../../../src/operator/verify/checks/compare-weights.js";

const base = { excluded: new Set<number>(), drift: 0, tolerance: WEIGHT_TOLERANCE };
const exact = { relative: 0, absolute: 0, distance: 0 };

const compare = (onchain: Record<number, number>, expected: Record<number, number>, change: object = {}) =>
  compareWeights({
    ...base,
    onchain: Object.entries(onchain).map(([uid, value]) => ({ uid: Number(uid), value })),
    expected: new Map(Object.entries(expected).map(([uid, value]) => [Number(uid), value])),
    ...change,
  });

test("the rounding bound alone covers either quantisation of the same scores", () => {
  const scores = fc
    .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 64 })
    .map((values) => new Map(values.map((value, uid) => [uid, value])));
  fc.assert(
    fc.property(scores, (expected) => {
      for (const onchain of [quantiseMaxScaled(expected), storedRow(quantiseSumScaled(expected))]) {
        const { lines } = compareWeights({ ...base, onchain, expected, tolerance: exact });
        expect(lines.every((line) => line.isOk)).toBe(true);
      }
    }),
  );
});

test("a share beyond its bound fails, drift widens the bound", () => {
  const onchain = { 1: 600, 2: 400 };
  const expected = { 1: 0.57, 2: 0.43 };
  expect(compare(onchain, expected).lines.map((line) => line.isOk)).toEqual([false, false]);
  const drifting = compare(onchain, expected, { drift: 0.1 });
  expect(drifting.lines.map((line) => line.isOk)).toEqual([true, true]);
  expect(drifting.isDistanceOk).toBe(true);
  expect(compare(onchain, expected).isDistanceOk).toBe(false);
});

test("zero against something noticeable fails, however wide the bound", () => {
  const wide = { drift: 1, tolerance: { relative: 1, absolute: 1, distance: 1 } };
  expect(compare({ 1: 950 }, { 1: 0.95, 2: 0.05 }, wide).lines.find((line) => line.uid === 2)?.isOk).toBe(false);
  expect(compare({ 1: 950, 2: 50 }, { 1: 0.95 }, wide).lines.find((line) => line.uid === 2)?.isOk).toBe(false);
  expect(compare({ 1: 99_950 }, { 1: 0.9995, 2: 0.0005 }).lines.find((line) => line.uid === 2)?.isOk).toBe(true);
});

test("many small differences add up to a distance that fails", () => {
  const uids = Array.from({ length: 200 }, (_, uid) => uid);
  const onchain = Object.fromEntries(uids.map((uid) => [uid, 1000]));
  const expected = Object.fromEntries(uids.map((uid) => [uid, uid % 2 === 0 ? 1.09 : 0.91]));
  const comparison = compare(onchain, expected);
  expect(comparison.lines.every((line) => line.isOk)).toBe(true);
  expect(comparison.tvDistance).toBeCloseTo(0.045, 3);
  expect(comparison.isDistanceOk).toBe(false);
});

test("excluded uids are left out on both sides, and the rest is normalised again", () => {
  const { lines } = compare({ 1: 500, 2: 500 }, { 2: 0.3, 3: 0.1 }, { excluded: new Set([1, 3]) });
  expect(lines).toMatchObject([{ uid: 2, onchain: 1, expected: 1, isOk: true }]);
});

test("nothing on either side has no distance", () => {
  expect(compare({}, {})).toEqual({ lines: [], tvDistance: 0, isDistanceOk: true });
});

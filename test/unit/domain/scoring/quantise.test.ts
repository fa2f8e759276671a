import fc from "fast-check";
import { expect, test } from "vitest";
import {
  clipToMaxLimit,
  quantiseMaxScaled,
  quantiseSumScaled,
  storedRow,
} from "../../../../src/domain/scoring/quantise.js";

const weights = fc
  .array(fc.double({ min: 1e-9, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 100 })
  .map((values) => new Map(values.map((value, uid) => [uid, value])));

function isOrdered(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): boolean {
  const ranked = [...before].sort(([, left], [, right]) => left - right).map(([uid]) => after.get(uid) ?? 0);
  return ranked.every((value, index) => index === 0 || value >= (ranked[index - 1] ?? 0));
}

const asMap = (entries: readonly { uid: number; value: number }[]) =>
  new Map(entries.map(({ uid, value }) => [uid, value]));

test("both forms keep the order, are u16 and have no zeros", () => {
  fc.assert(
    fc.property(weights, fc.boolean(), (given, keepTiny) => {
      for (const entries of [quantiseMaxScaled(given, { keepTiny }), quantiseSumScaled(given)]) {
        expect(entries.every(({ value }) => Number.isInteger(value) && value > 0 && value <= 65_535)).toBe(true);
        expect(isOrdered(given, asMap(entries))).toBe(true);
      }
      expect(Math.max(...quantiseMaxScaled(given).map(({ value }) => value))).toBe(65_535);
      expect(quantiseMaxScaled(given, { keepTiny: true })).toHaveLength(given.size);
    }),
  );
});

test("what the chain stores of a max-scaled row is the row", () => {
  fc.assert(
    fc.property(weights, (given) => {
      const row = quantiseMaxScaled(given);
      expect(storedRow(row)).toEqual(row);
    }),
  );
});

test("the clip holds its bound, sums to 1 and inverts no order", () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 700, max: 65_535 }), (given, maxLimit) => {
      const clipped = clipToMaxLimit(given, maxLimit);
      const shares = [...clipped.values()];
      expect(shares.reduce((left, right) => left + right)).toBeCloseTo(1, 9);
      expect(isOrdered(given, clipped)).toBe(true);
      // The chapter's algorithm cuts with a margin of 1e-7 of the whole; what is left after the cut may be far less than the whole.
      const smallest = Math.min(...given.values()) / [...given.values()].reduce((left, right) => left + right);
      const left = smallest / Math.min(...shares);
      expect(Math.max(...shares)).toBeLessThanOrEqual(Math.max(maxLimit / 65_535, 1 / given.size) + 1e-9 + 1e-7 / left);
    }),
  );
});

test("a limit of 1 changes nothing, a limit below the even share makes everything even", () => {
  const given = new Map([
    [1, 3],
    [2, 1],
  ]);
  expect([...clipToMaxLimit(given, 65_535).values()]).toEqual([0.75, 0.25]);
  expect([...clipToMaxLimit(given, 1000).values()]).toEqual([0.5, 0.5]);
});

test("halves round to even", () => {
  const value = (weight: number) =>
    quantiseMaxScaled(
      new Map([
        [1, weight],
        [2, 65_535],
      ]),
    )[0]?.value;
  expect([2.5, 3.5, 4.4].map(value)).toEqual([2, 4, 4]);
});

test("a tiny weight vanishes unless it is to be kept", () => {
  const given = new Map([
    [1, 1e-9],
    [2, 1],
  ]);
  expect(quantiseMaxScaled(given).map(({ uid }) => uid)).toEqual([2]);
  expect(quantiseMaxScaled(given, { keepTiny: true })[0]).toEqual({ uid: 1, value: 1 });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { effectiveMultiplier, type MultiplierFacts } from "../../../../src/domain/chutes/multiplier.js";

const PLAIN: MultiplierFacts = {
  rules: { privateMultiplier: 2, teeMultiplier: 2.25 },
  base: 4.8888889,
  isPrivate: false,
  tee: false,
  boost: null,
  manualBoost: null,
};
const of = (changes: Partial<MultiplierFacts>) => effectiveMultiplier({ ...PLAIN, ...changes });

test("03 §6.5: a public chute is worth its hardware", () => {
  expect(of({})).toEqual({ effective: 4.8888889, factors: { base: 4.8888889 } });
});

test.each<[Partial<MultiplierFacts>, Record<string, number>]>([
  [{ isPrivate: true }, { private: 2 }],
  [{ tee: true }, { tee: 2.25 }],
  [{ boost: 3 }, { urgency_boost: 3 }],
  [{ manualBoost: 3 }, { manual_boost: 3 }],
  [{ manualBoost: 21 }, { manual_boost: 20 }],
  [{ manualBoost: 0.5 }, { manual_boost: 0.5 }],
  [{ bountyBoost: 1.1 }, { bounty_boost: 1.1 }],
  [
    { isPrivate: true, tee: true, boost: 20, manualBoost: 1.5, bountyBoost: 1.5 },
    { private: 2, urgency_boost: 20, manual_boost: 1.5, bounty_boost: 1.5, tee: 2.25 },
  ],
])("03 §6.5: factors of %o multiply", (changes, expected) => {
  const { effective, factors } = of(changes);
  expect(factors).toEqual({ base: PLAIN.base, ...expected });
  expect(effective).toBeCloseTo(
    Object.values(factors).reduce((product, factor) => product * factor, 1),
    9,
  );
});

test.each([{ boost: 0 }, { boost: -1 }, { boost: 20.1 }, { manualBoost: 0 }, { manualBoost: -3 }, { manualBoost: 1 }])(
  "03 §6.5: %o does not apply",
  (changes) => expect(of(changes)).toEqual(of({})),
);

test("03 §6.5: whatever was stored, a chute with hardware is worth more than nothing", () => {
  const boost = fc.option(fc.double({ noNaN: true }));
  const facts = fc.record({
    base: fc.double({ min: 1e-3, max: 100, noNaN: true }),
    isPrivate: fc.boolean(),
    tee: fc.boolean(),
    boost: fc.option(fc.double({ min: 1e-3, noNaN: true })),
    manualBoost: fc.option(fc.double({ min: 1e-3, noNaN: true })),
  });
  fc.assert(fc.property(facts, (changes) => of(changes).effective > 0));
  fc.assert(
    fc.property(boost, boost, (urgency, manualBoost) => Number.isFinite(of({ boost: urgency, manualBoost }).effective)),
  );
});

test("03 §6.5: what no GPU fits is worth 0, so that miners leave it alone", () => {
  expect(of({ base: 0, isPrivate: true }).effective).toBe(0);
});

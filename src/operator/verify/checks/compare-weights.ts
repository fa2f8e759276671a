import type { WeightEntry } from "../../../infra/chain/client.js";

const U16_MAX = 65_535;
/** A miner with nothing on one side and more than this on the other is never within tolerance. */
const NOTICEABLE_SHARE = 0.001;

/** How far shares may be apart. @see protocol 08 §7.6 */
export interface WeightTolerance {
  /** Part of the larger share. */
  readonly relative: number;
  readonly absolute: number;
  /** Largest total variation distance. */
  readonly distance: number;
}

export const WEIGHT_TOLERANCE: WeightTolerance = { relative: 0.002, absolute: 0.0005, distance: 0.01 };

export interface WeightsToCompare {
  readonly onchain: readonly WeightEntry[];
  /** Scores by uid, not normalised. */
  readonly expected: ReadonlyMap<number, number>;
  /** Uids that are left out on both sides. */
  readonly excluded: ReadonlySet<number>;
  /** Part of a share that may have changed between the data and the weights. */
  readonly drift: number;
  readonly tolerance: WeightTolerance;
}

export interface ComparedWeight {
  readonly uid: number;
  readonly expected: number;
  readonly onchain: number;
  readonly bound: number;
  readonly isOk: boolean;
}

export interface WeightComparison {
  readonly lines: readonly ComparedWeight[];
  readonly tvDistance: number;
  readonly isDistanceOk: boolean;
}

/** Compares a stored row of u16 weights with recomputed scores, as shares. The bound of a miner covers the rounding of
 *  either quantisation, drift, and a small absolute part. @see protocol 08 §7.6 */
export function compareWeights(input: WeightsToCompare): WeightComparison {
  const onchain = sharesOf(new Map(input.onchain.map(({ uid, value }) => [uid, value])), input.excluded);
  const expected = sharesOf(input.expected, input.excluded);
  const sum = input.onchain.reduce((left, entry) => left + entry.value, 0);
  const uids = [...new Set([...onchain.keys(), ...expected.keys()])].sort((left, right) => left - right);
  const lines = uids.map((uid) => {
    const shares = { stored: onchain.get(uid) ?? 0, wanted: expected.get(uid) ?? 0 };
    const bound = roundingOf(shares.stored, input.onchain.length, sum) + toleranceOf(shares, input);
    const isOk = Math.abs(shares.stored - shares.wanted) <= bound && !isOneSided(shares);
    return { uid, expected: shares.wanted, onchain: shares.stored, bound, isOk };
  });
  const tvDistance = lines.reduce((left, line) => left + Math.abs(line.onchain - line.expected), 0) / 2;
  return { lines, tvDistance, isDistanceOk: tvDistance <= Math.max(input.tolerance.distance, input.drift) };
}

function sharesOf(values: ReadonlyMap<number, number>, excluded: ReadonlySet<number>): Map<number, number> {
  const kept = [...values].filter(([uid, value]) => value > 0 && !excluded.has(uid));
  const sum = kept.reduce((left, [, value]) => left + value, 0);
  return new Map(kept.map(([uid, value]) => [uid, value / sum]));
}

/** Whichever way the row was quantised before: the floor of the sum-scaled form and the rounding of the chain's own scaling
 *  add up. */
function roundingOf(share: number, entries: number, sum: number): number {
  const scaled = sum === 0 ? 0 : (0.5 + 0.5 * entries * share) / sum;
  const floored = (1 + entries * share) / (U16_MAX - entries);
  return scaled + floored;
}

function toleranceOf({ stored, wanted }: { stored: number; wanted: number }, input: WeightsToCompare): number {
  const relative = Math.max(input.tolerance.relative, input.drift);
  return relative * Math.max(stored, wanted) + input.tolerance.absolute;
}

function isOneSided({ stored, wanted }: { stored: number; wanted: number }): boolean {
  return (stored === 0 || wanted === 0) && Math.max(stored, wanted) > NOTICEABLE_SHARE;
}

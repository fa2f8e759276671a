import type { WeightEntry } from "../../infra/chain/client.js";
import { total } from "./shares.js";

const U16_MAX = 65_535;
/** Keeps the limit a hair below the chain's, whose own sum is not exact. @see protocol 07 §4.2 */
const LIMIT_MARGIN = 1e-7;

export interface QuantiseOptions {
  /** Positive weights become at least 1 instead of vanishing. Default off. */
  readonly keepTiny?: boolean;
}

/** Weights by uid as u16 with the largest at 65535, rounded with ties to even, uid ascending, zeros left out.
 *  @see protocol 07 §4.2 */
export function quantiseMaxScaled(weights: ReadonlyMap<number, number>, options: QuantiseOptions = {}): WeightEntry[] {
  const positive = positiveEntries(weights);
  const largest = positive.reduce((left, [, weight]) => Math.max(left, weight), 0);
  const lowest = options.keepTiny === true ? 1 : 0;
  return positive
    .map(([uid, weight]) => ({ uid, value: Math.max(roundHalfEven((weight * U16_MAX) / largest), lowest) }))
    .filter((entry) => entry.value > 0);
}

/** Weights by uid as floored u16 parts of their sum, zeros left out: the auditor's form, coarser than the other.
 *  @see protocol 07 §4.2 */
export function quantiseSumScaled(weights: ReadonlyMap<number, number>): WeightEntry[] {
  const positive = positiveEntries(weights);
  const sum = total(positive.map(([, weight]) => weight));
  return positive
    .map(([uid, weight]) => ({ uid, value: Math.floor((weight / sum) * U16_MAX) }))
    .filter((entry) => entry.value > 0);
}

/** What the chain keeps of a submitted row: every value scaled so that the largest is 65535. @see protocol 07 §4.2 */
export function storedRow(submitted: readonly WeightEntry[]): WeightEntry[] {
  const largest = submitted.reduce((left, entry) => Math.max(left, entry.value), 0);
  if (largest === 0) return [...submitted];
  return submitted.map(({ uid, value }) => ({ uid, value: Math.round((value * U16_MAX) / largest) }));
}

/** Shares of the weights after cutting the large ones so that none exceeds the subnet's limit; sums to 1, keeps order.
 *  @param maxLimit u16 of the chain, 65535 for no limit. @see protocol 07 §4.2 */
export function clipToMaxLimit(weights: ReadonlyMap<number, number>, maxLimit: number): Map<number, number> {
  const positive = positiveEntries(weights);
  const sum = total(positive.map(([, weight]) => weight));
  const limit = maxLimit / U16_MAX;
  const shares = positive.map(([uid, weight]): [number, number] => [uid, weight / sum]);
  if (shares.every(([, share]) => share <= limit)) return new Map(shares);
  if (limit * shares.length <= 1) return new Map(shares.map(([uid]) => [uid, 1 / shares.length]));
  const cut = cutOf(
    shares.map(([, share]) => share).sort((left, right) => left - right),
    limit,
  );
  const clipped = shares.map(([uid, share]): [number, number] => [uid, Math.min(share, cut)]);
  const rest = total(clipped.map(([, share]) => share));
  return new Map(clipped.map(([uid, share]) => [uid, share / rest]));
}

/** Largest value that may stay, in shares of the unclipped sum. The first n shares of the ascending list are below it. */
function cutOf(ascending: readonly number[], limit: number): number {
  const count = ascending.length;
  let below = 0;
  let sumBelow = 0;
  let running = 0;
  for (const [index, share] of ascending.entries()) {
    running += share;
    if (share / ((count - index - 1) * share + running + LIMIT_MARGIN) >= limit) continue;
    below += 1;
    sumBelow = running;
  }
  return (limit * sumBelow - LIMIT_MARGIN) / (1 - limit * (count - below));
}

function positiveEntries(weights: ReadonlyMap<number, number>): [number, number][] {
  return [...weights].filter(([, weight]) => weight > 0).sort(([left], [right]) => left - right);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

import type { MetagraphEntry } from "./inputs.js";

/** Sum of the values. */
export function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** The divisor of a share: the sum, or 1 when there is nothing to share. @see protocol 07 §3 */
export function divisorOf(sum: number): number {
  return sum === 0 ? 1 : sum;
}

/** Middle value, or the mean of the two middle ones; 0 for no values. The array is sorted in place. */
export function medianOf(values: number[] | Float64Array): number {
  if (values.length === 0) return 0;
  values.sort((left, right) => left - right);
  const middle = values.length >> 1;
  const upper = values[middle] ?? 0;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? 0) + upper) / 2;
}

/** Keeps the hotkey with the highest value of each coldkey; equal values go to the smaller hotkey, so that every
 *  reader picks the same one. A hotkey without a known coldkey stands for itself. */
export function bestPerColdkey(
  values: ReadonlyMap<string, number>,
  metagraph: readonly MetagraphEntry[],
): ReadonlySet<string> {
  const coldkeys = new Map(metagraph.map((entry) => [entry.hotkey, entry.coldkey]));
  const ranked = [...values].sort(
    ([leftKey, left], [rightKey, right]) => right - left || (leftKey < rightKey ? -1 : 1),
  );
  const taken = new Set<string>();
  const kept = new Set<string>();
  for (const [hotkey] of ranked) {
    const coldkey = coldkeys.get(hotkey) ?? hotkey;
    if (taken.has(coldkey)) continue;
    taken.add(coldkey);
    kept.add(hotkey);
  }
  return kept;
}

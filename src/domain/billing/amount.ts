const NANO = 1e9;
const NANO_PER_MICRO = 1000;
/** No single change of a balance is larger. */
const MOST_USD = 1_000_000_000;

/**
 * Micro-USD of an amount in USD that came from outside, to the nearest: noise below 10⁻⁹ USD never decides.
 * @returns undefined unless it is a finite number of at most 10⁹ either way (text and booleans are no numbers)
 * @see protocol 01 §6.6, §20
 */
export function microUsdOf(value: unknown): bigint | undefined {
  if (typeof value !== "number" || !Number.isFinite(value) || Math.abs(value) > MOST_USD) return undefined;
  return BigInt(Math.round(Math.round(value * NANO) / NANO_PER_MICRO));
}

/** USD of whole micro-USD, as answers carry it. */
export function usdOf(microUsd: bigint): number {
  return Number(microUsd) / 1_000_000;
}

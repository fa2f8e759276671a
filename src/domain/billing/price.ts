/** What a price is made of. */
export interface PriceBasis {
  /** USD per hour of the cheapest hardware that suits the chute, all GPUs together, without boosts. */
  readonly hourlyUsd: number;
  /** Fraction off: 1 is free, negative is a surcharge. Counts only within (−3, 1]. */
  readonly discount: number;
  /** Requests an instance takes at once; null counts as 1. */
  readonly concurrency: number | null;
}

/** USD per million tokens, four decimals. */
export interface TokenPrice {
  readonly input: number;
  readonly output: number;
}

const INPUT_SHARE = 0.01358695;
const OUTPUT_SHARE = 0.05434782;
const LEAST_USD_PER_MILLION = 0.01;
/** Discounted chutes that serve fewer requests at once cost more per token. */
const FULL_CONCURRENCY = 16;
const STEP_SHARE = 0.002;
/** Share of the input price that a cached token does not cost. */
export const CACHE_DISCOUNT = 0.9;
const SECONDS_PER_HOUR = 3600;
const MICRO = 1_000_000;

/** Price of tokens. @see protocol 04 §10.2 (one H100 at 1.79 USD/h → 0.0243 and 0.0973) */
export function tokenPrice(basis: PriceBasis): TokenPrice {
  return {
    input: discounted(Math.max(basis.hourlyUsd * INPUT_SHARE, LEAST_USD_PER_MILLION), basis),
    output: discounted(Math.max(basis.hourlyUsd * OUTPUT_SHARE, LEAST_USD_PER_MILLION), basis),
  };
}

function discounted(usd: number, { discount, concurrency }: PriceBasis): number {
  const fraction = effectiveDiscount(discount);
  if (fraction === 0) return round4(usd);
  const slots = concurrency === null || concurrency === 0 ? 1 : concurrency;
  return round4(usd * (1 - fraction) * (slots < FULL_CONCURRENCY ? FULL_CONCURRENCY / slots : 1));
}

/** USD of one language-model call. @see protocol 04 §10.2 */
export function tokensUsd(
  price: TokenPrice,
  tokens: { readonly input: number; readonly cached: number; readonly output: number },
): number {
  const cached = (tokens.cached / MICRO) * price.input * CACHE_DISCOUNT;
  return (tokens.input / MICRO) * price.input - cached + (tokens.output / MICRO) * price.output;
}

/** USD of one image. @see protocol 04 §10.3 */
export function stepsUsd(basis: PriceBasis, steps: number): number {
  return steps * basis.hourlyUsd * STEP_SHARE * (1 - effectiveDiscount(basis.discount));
}

/** USD of a call that is paid by its whole seconds. @see protocol 04 §10.1, §10.3 */
export function secondsUsd(basis: PriceBasis, durationSeconds: number): number {
  const hours = Math.ceil(durationSeconds) / SECONDS_PER_HOUR;
  return hours * basis.hourlyUsd * (1 - effectiveDiscount(basis.discount));
}

/** Whole micro-USD; a started one counts, so that many cheap calls are not free. */
export function toMicroUsd(usd: number): bigint {
  // Six more digits than a micro-dollar has decide: below them lies the noise of binary fractions.
  return usd <= 0 ? 0n : BigInt(Math.ceil(Number((usd * MICRO).toFixed(6))));
}

function effectiveDiscount(discount: number): number {
  return discount > -3 && discount <= 1 ? discount : 0;
}

function round4(usd: number): number {
  return Number(usd.toFixed(4));
}

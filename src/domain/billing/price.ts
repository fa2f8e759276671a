/** What a price is made of. */
export interface PriceBasis {
  /** USD per hour of the cheapest hardware that suits the chute, all GPUs together, without boosts. */
  readonly hourlyUsd: number;
  /** Fraction off: 1 is free, negative is a surcharge. Counts only within (−3, 1]. */
  readonly discount: number;
  /** Requests an instance takes at once; null counts as 1. */
  readonly concurrency: number | null;
}

/** How the operator wants prices to be made; the `pricing` section of the configuration has these members. */
export interface PriceSettings {
  /** When tokens of chutes that serve fewer than 16 requests at once cost more. */
  readonly lowConcurrencySurcharge: "always" | "discounted" | "never";
  /** Hours that one diffusion step costs. */
  readonly stepMultiplier: number;
  /** Share of the input price that a cached token does not cost. */
  readonly cacheDiscount: number;
}

/** Prices in USD that an administrator set for a chute; null parts are computed. @see protocol 01 §9.4 */
export interface PriceOverride {
  readonly perRequest: number | null;
  readonly perMillionIn: number | null;
  readonly perMillionOut: number | null;
  readonly perStep: number | null;
}

/** What was agreed with the caller of a chute. */
export interface CallerTerms {
  /** The caller's own prices or, without any, everybody's. */
  readonly override?: PriceOverride;
  /** The override is the caller's own. */
  readonly isOwnOverride: boolean;
  /** Fraction off for this caller, in [0, 1]. */
  readonly discount: number;
}

/** USD per million tokens, four decimals. */
export interface TokenPrice {
  readonly input: number;
  readonly output: number;
}

const NO_TERMS: CallerTerms = { isOwnOverride: false, discount: 0 };

const INPUT_SHARE = 0.01358695;
const OUTPUT_SHARE = 0.05434782;
const LEAST_USD_PER_MILLION = 0.01;
/** Chutes that serve fewer requests at once may cost more per token. */
const FULL_CONCURRENCY = 16;
const MICRO = 1_000_000;
const SECONDS_PER_HOUR = 3600;

/**
 * Price of tokens. A caller's discount does not apply to the caller's own prices.
 * @see protocol 04 §10.2 (one H100 at 1.79 USD/h → 0.0243 and 0.0973), 03 §7.3
 */
export function tokenPrice(basis: PriceBasis, settings: PriceSettings, terms: CallerTerms = NO_TERMS): TokenPrice {
  const { override, isOwnOverride } = terms;
  const isOwn = isOwnOverride && (override?.perMillionIn ?? override?.perMillionOut ?? null) !== null;
  const factor = isOwn ? 1 : 1 - terms.discount;
  const computed = (share: number) =>
    Math.max(basis.hourlyUsd * share, LEAST_USD_PER_MILLION) * chuteFactor(basis, settings);
  return {
    input: round4((override?.perMillionIn ?? computed(INPUT_SHARE)) * factor),
    output: round4((override?.perMillionOut ?? computed(OUTPUT_SHARE)) * factor),
  };
}

function chuteFactor({ discount, concurrency }: PriceBasis, settings: PriceSettings): number {
  const fraction = effectiveDiscount(discount);
  const { lowConcurrencySurcharge: when } = settings;
  const hasSurcharge = when === "always" || (when === "discounted" && fraction !== 0);
  const slots = concurrency === null || concurrency === 0 ? 1 : concurrency;
  return (1 - fraction) * (hasSurcharge && slots < FULL_CONCURRENCY ? FULL_CONCURRENCY / slots : 1);
}

/** USD of one language-model call. @see protocol 04 §10.2 */
export function tokensUsd(
  price: TokenPrice,
  tokens: { readonly input: number; readonly cached: number; readonly output: number },
  { cacheDiscount }: PriceSettings,
): number {
  const cached = (tokens.cached / MICRO) * price.input * cacheDiscount;
  return (tokens.input / MICRO) * price.input - cached + (tokens.output / MICRO) * price.output;
}

/** USD of one image whose price nobody set. @see protocol 04 §10.3 */
export function stepsUsd(basis: PriceBasis, steps: number, { stepMultiplier }: PriceSettings): number {
  return steps * basis.hourlyUsd * stepMultiplier * (1 - effectiveDiscount(basis.discount));
}

/** USD of a call that is paid by its whole seconds. @see protocol 04 §10.1, §10.3 */
export function secondsUsd(basis: PriceBasis, durationSeconds: number): number {
  const hours = Math.ceil(durationSeconds) / SECONDS_PER_HOUR;
  return hours * basis.hourlyUsd * (1 - effectiveDiscount(basis.discount));
}

/** A call that is not paid by tokens. */
export interface UntokenedCall {
  /** Diffusion steps; undefined when the call is paid by its time. */
  readonly steps: number | undefined;
  readonly durationSeconds: number;
  /** Factor of computed prices, below 1 for a repeated request. */
  readonly factor: number;
}

/** USD of such a call. Prices that were set are final: neither the caller's discount nor `factor` changes them. @see protocol 04 §10.3, §10.4 */
export function untokenedUsd(
  { basis, terms }: { readonly basis: PriceBasis; readonly terms: CallerTerms },
  { steps, durationSeconds, factor }: UntokenedCall,
  settings: PriceSettings,
): number {
  const { override, discount } = terms;
  if (steps !== undefined && override?.perStep !== undefined && override.perStep !== null) {
    return steps * override.perStep;
  }
  if (override?.perRequest !== undefined && override.perRequest !== null) return override.perRequest;
  const usd = steps === undefined ? secondsUsd(basis, durationSeconds) : stepsUsd(basis, steps, settings);
  return usd * factor * (1 - discount);
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

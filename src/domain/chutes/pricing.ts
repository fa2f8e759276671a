import type { GpuTable } from "../../wire/gpu-table.js";
import { computeMultiplier, hourlyPriceUsd, type NodeSelector, supportedGpus } from "../../wire/node-selector.js";
import { type Chute, concurrencyOf } from "./chute.js";

/** USD per million prompt tokens for a chute of 1 USD/h, and the like for generated ones. @see protocol 03 §7.3 */
const INPUT_FACTOR = 0.013_586_95;
const OUTPUT_FACTOR = 0.054_347_82;
const SMALLEST_TOKEN_PRICE_USD = 0.01;
/** Fewer requests at once make each token dearer. */
const FULL_CONCURRENCY = 16;
const STEP_FACTOR = 0.005;
const CACHE_DISCOUNT = 0.5;
const FEE_HOURS = 3;
const MICRO_USD = 1_000_000;

/** What a selector means on a GPU table. All zero when no GPU of the table fits any more. */
export interface SelectorFacts {
  readonly supportedGpus: readonly string[];
  readonly computeMultiplier: number;
  /** USD per hour: GPUs × the cheapest that fits. */
  readonly hourlyUsd: number;
  /** USD per hour: GPUs × the dearest that fits. */
  readonly dearestHourlyUsd: number;
}

/** @see protocol 03 §6.2, §6.4, §7.1 */
export function selectorFacts(table: GpuTable, selector: NodeSelector): SelectorFacts {
  const keys = supportedGpus(table, selector);
  if (keys.length === 0) return { supportedGpus: [], computeMultiplier: 0, hourlyUsd: 0, dearestHourlyUsd: 0 };
  const dearest = Math.max(...keys.map((key) => table.get(key)?.hourly_rate ?? 0));
  return {
    supportedGpus: keys,
    computeMultiplier: computeMultiplier(table, selector),
    hourlyUsd: hourlyPriceUsd(table, selector),
    dearestHourlyUsd: (selector.gpu_count ?? 1) * dearest,
  };
}

/** One-time fee of a new chute, in micro-USD. @see protocol 03 §5.3 */
export function deployFeeMicroUsd(facts: SelectorFacts): bigint {
  return BigInt(Math.round(FEE_HOURS * facts.hourlyUsd * MICRO_USD));
}

/** USD per million tokens, rounded to cents, before any discount of the caller. @see protocol 03 §7.3 */
export function tokenPricesUsd(
  hourlyUsd: number,
  chute: Pick<Chute, "concurrency" | "discount">,
): { input: number; output: number } {
  const surcharge = Math.max(1, FULL_CONCURRENCY / concurrencyOf(chute));
  const price = (factor: number) =>
    roundToCents(Math.max(hourlyUsd * factor, SMALLEST_TOKEN_PRICE_USD) * (1 - chute.discount) * surcharge);
  return { input: price(INPUT_FACTOR), output: price(OUTPUT_FACTOR) };
}

type Usd = { readonly usd: number };

/** Price information that every chute is shown with. TAO amounts need a TAO price and are left out. @see protocol 03 §7.2 */
export interface EstimatedPrice {
  readonly usd: { readonly hour: number; readonly second: number };
  readonly per_million_tokens?: { readonly input: Usd; readonly output: Usd; readonly input_cache_read: Usd };
  readonly per_step?: Usd;
  readonly hourly_price_range?: { readonly usd: { readonly min: number; readonly max: number } };
}

/** @see protocol 03 §7.2 */
export function estimatedPrice(
  facts: SelectorFacts,
  chute: Pick<Chute, "standardTemplate" | "concurrency" | "discount">,
  isPrivate: boolean,
): EstimatedPrice {
  const factor = 1 - chute.discount;
  const hour = facts.hourlyUsd * factor;
  return {
    usd: { hour, second: hour / 3600 },
    ...(chute.standardTemplate === "vllm" && { per_million_tokens: perMillionTokens(facts.hourlyUsd, chute) }),
    ...(chute.standardTemplate === "diffusion" && { per_step: { usd: hour * STEP_FACTOR } }),
    ...(isPrivate && { hourly_price_range: { usd: { min: hour, max: facts.dearestHourlyUsd * factor } } }),
  };
}

function perMillionTokens(hourlyUsd: number, chute: Pick<Chute, "concurrency" | "discount">) {
  const { input, output } = tokenPricesUsd(hourlyUsd, chute);
  return { input: { usd: input }, output: { usd: output }, input_cache_read: { usd: input * (1 - CACHE_DISCOUNT) } };
}

function roundToCents(usd: number): number {
  return Math.round(usd * 100) / 100;
}

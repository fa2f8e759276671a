import { dearestRate, type GpuTable } from "../../wire/gpu-table.js";
import { type NodeSelector, supportedGpus } from "../../wire/node-selector.js";
import {
  type PriceBasis,
  type PriceOverride,
  type PriceSettings,
  secondsUsd,
  stepsUsd,
  type TokenPrice,
  tokenPrice,
} from "../billing/price.js";
import type { Chute } from "./chute.js";

const FEE_HOURS = 3;
const MICRO_USD = 1_000_000;
const SECONDS_PER_HOUR = 3600;

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
  const rates = keys.map((key) => table.get(key)?.hourly_rate ?? 0);
  const gpuCount = selector.gpu_count ?? 1;
  const cheapest = Math.min(...rates);
  return {
    supportedGpus: keys,
    computeMultiplier: gpuCount * (cheapest / dearestRate(table)),
    hourlyUsd: gpuCount * cheapest,
    dearestHourlyUsd: gpuCount * Math.max(...rates),
  };
}

/** One-time fee of a new chute, in micro-USD. @see protocol 03 §5.3 */
export function deployFeeMicroUsd(facts: SelectorFacts): bigint {
  return BigInt(Math.round(FEE_HOURS * facts.hourlyUsd * MICRO_USD));
}

/** An amount in USD and, where the price of TAO is known, in TAO. */
interface Amount {
  readonly usd: number;
  readonly tao?: number;
}

interface PerHour {
  readonly hour: number;
  readonly second: number;
}

interface Span {
  readonly min: number;
  readonly max: number;
}

/** Price information that every chute is shown with; `tao` members are left out while nobody knows what a TAO is worth. @see protocol 03 §7.2 */
export interface EstimatedPrice {
  readonly usd: PerHour;
  readonly tao?: PerHour;
  readonly per_million_tokens?: { readonly input: Amount; readonly output: Amount; readonly input_cache_read: Amount };
  readonly per_step?: Amount;
  readonly per_request?: Amount;
  readonly hourly_price_range?: { readonly usd: Span; readonly tao?: Span };
}

/** What the price of a chute depends on besides its hardware. */
export interface PriceTerms {
  readonly chute: Pick<Chute, "standardTemplate" | "concurrency" | "discount">;
  readonly isPrivate: boolean;
  readonly settings: PriceSettings;
  /** Prices that everybody has on this chute. */
  readonly override?: PriceOverride | undefined;
  /** USD per TAO. */
  readonly taoUsd?: number | undefined;
}

/** What somebody with whom nothing was agreed pays; made of the functions that bill. @see protocol 03 §7.2 */
export function estimatedPrice(facts: SelectorFacts, terms: PriceTerms): EstimatedPrice {
  const { chute, isPrivate, override, taoUsd } = terms;
  const basis = { hourlyUsd: facts.hourlyUsd, discount: chute.discount, concurrency: chute.concurrency };
  const hour = hourOf(basis);
  const perHour = { hour, second: hour / SECONDS_PER_HOUR };
  const range = { min: hour, max: hourOf({ ...basis, hourlyUsd: facts.dearestHourlyUsd }) };
  const [tao, taoRange] = [inTao(perHour, taoUsd), inTao(range, taoUsd)];
  return {
    usd: perHour,
    ...(tao && { tao }),
    ...unitPrice(basis, terms),
    ...(hasRequestPrice(chute, override) && { per_request: amount(override.perRequest, taoUsd) }),
    ...(isPrivate && { hourly_price_range: { usd: range, ...(taoRange && { tao: taoRange }) } }),
  };
}

/** USD per million tokens of a chute in cents, as it is shown. @see protocol 03 §7.3 */
export function shownTokenPrice(basis: PriceBasis, settings: PriceSettings, override?: PriceOverride): TokenPrice {
  const terms = { ...(override && { override }), isOwnOverride: false, discount: 0 };
  const { input, output } = tokenPrice(basis, settings, terms);
  return { input: roundToCents(input), output: roundToCents(output) };
}

function unitPrice(basis: PriceBasis, { chute, settings, override, taoUsd }: PriceTerms) {
  if (chute.standardTemplate === "vllm") {
    const { input, output } = shownTokenPrice(basis, settings, override);
    const cached = input * (1 - settings.cacheDiscount);
    return {
      per_million_tokens: {
        input: amount(input, taoUsd),
        output: amount(output, taoUsd),
        input_cache_read: amount(cached, taoUsd),
      },
    };
  }
  if (chute.standardTemplate !== "diffusion") return {};
  return { per_step: amount(override?.perStep ?? stepsUsd(basis, 1, settings), taoUsd) };
}

/** Language and image models have prices of their own kinds. */
function hasRequestPrice(
  { standardTemplate }: PriceTerms["chute"],
  override: PriceOverride | undefined,
): override is PriceOverride & { perRequest: number } {
  const isPlain = standardTemplate !== "vllm" && standardTemplate !== "diffusion";
  return isPlain && override !== undefined && override.perRequest !== null;
}

function hourOf(basis: PriceBasis): number {
  return secondsUsd(basis, SECONDS_PER_HOUR);
}

function amount(usd: number, taoUsd: number | undefined): Amount {
  return taoUsd === undefined ? { usd } : { usd, tao: usd / taoUsd };
}

function inTao<Name extends string>(
  usd: Readonly<Record<Name, number>>,
  taoUsd: number | undefined,
): Readonly<Record<Name, number>> | undefined {
  if (taoUsd === undefined) return undefined;
  const entries = Object.entries<number>(usd).map(([name, value]) => [name, value / taoUsd]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

function roundToCents(usd: number): number {
  return Math.round(usd * 100) / 100;
}

import { ruleFor } from "../../../domain/billing/chute-rule.js";
import {
  type CallerTerms,
  type PriceBasis,
  type PriceOverride,
  tokenPrice,
  tokensUsd,
  toMicroUsd,
  untokenedUsd,
} from "../../../domain/billing/price.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import type { CallerRules } from "../../../domain/invocations/admission.js";
import { hourlyPriceUsd } from "../../../wire/node-selector.js";
import type { ApiDeps } from "../deps.js";
import type { Attempt, AttemptResult } from "./attempt.js";

type PricingDeps = Pick<ApiDeps, "config" | "gpuTable" | "log">;

/** Share of price and quota of a request that its user sent before. @see protocol 04 §10.4 */
export const REROLL_MULTIPLIER = 0.1;

/** What a success is priced by. */
export interface Priced {
  readonly attempt: Attempt;
  readonly result: AttemptResult;
  /** The same request was sent a moment ago. */
  readonly isReroll: boolean;
}

/** What a caller pays by: the own prices or, without any, everybody's, and the discount. @see protocol 04 §10.2 */
export function termsOf(
  chuteId: string,
  rules: Pick<CallerRules, "discounts" | "priceOverrides">,
  common: { readonly price: PriceOverride | undefined; readonly discounts: ReadonlyMap<string, number> },
): CallerTerms {
  const own = rules.priceOverrides.get(chuteId);
  const override = own ?? common.price;
  const discount = ruleFor(chuteId, { own: rules.discounts, defaults: common.discounts, otherwise: 0 }).value;
  return { ...(override && { override }), isOwnOverride: own !== undefined, discount };
}

/** Price of a successful attempt in micro-USD; 0 when it is free. @see protocol 04 §10.3, §10.4 */
export function openPricing(deps: PricingDeps): (priced: Priced) => bigint {
  const settings = deps.config.pricing;
  // Chutes are cached objects that live for many calls; the table does not change while the process runs.
  const known = new WeakMap<Chute, PriceBasis>();
  const basisOf = (chute: Chute): PriceBasis => {
    const basis = known.get(chute) ?? priceBasis(deps, chute);
    known.set(chute, basis);
    return basis;
  };
  return ({ attempt, result, isReroll }) => {
    const { call, isWithinQuota } = attempt;
    if (call.plan.isFree || isWithinQuota) return 0n;
    const basis = basisOf(call.chute);
    const { tokens, durationSeconds } = result;
    if (tokens !== undefined) {
      return toMicroUsd(tokensUsd(tokenPrice(basis, settings, call.terms), tokens, settings));
    }
    const { measuredBy, steps } = call.prepared;
    const measured = { steps: measuredBy === "steps" ? steps : undefined, durationSeconds };
    const factor = isReroll ? REROLL_MULTIPLIER : 1;
    return toMicroUsd(untokenedUsd({ basis, terms: call.terms }, { ...measured, factor }, settings));
  };
}

/** A selector that no GPU of the table satisfies any more has no price. */
function priceBasis({ gpuTable, log }: PricingDeps, chute: Chute): PriceBasis {
  const { discount, concurrency } = chute;
  try {
    return { hourlyUsd: hourlyPriceUsd(gpuTable, chute.nodeSelector), discount, concurrency };
  } catch (error) {
    log.error({ err: error, chuteId: chute.chuteId }, "calls of a chute have no price");
    return { hourlyUsd: 0, discount: 1, concurrency };
  }
}

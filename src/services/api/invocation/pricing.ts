import {
  type PriceBasis,
  secondsUsd,
  stepsUsd,
  tokenPrice,
  tokensUsd,
  toMicroUsd,
} from "../../../domain/billing/price.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import { hourlyPriceUsd } from "../../../wire/node-selector.js";
import type { ApiDeps } from "../deps.js";
import type { Attempt, AttemptResult } from "./attempt.js";

type PricingDeps = Pick<ApiDeps, "gpuTable" | "log">;

/** Share of price and quota of a request that its user sent before. @see protocol 04 §10.4 */
export const REROLL_MULTIPLIER = 0.1;

/** What a success is priced by. */
export interface Priced {
  readonly attempt: Attempt;
  readonly result: AttemptResult;
  /** The same request was sent a moment ago. */
  readonly isReroll: boolean;
}

/** Price of a successful attempt in micro-USD; 0 when it is free. @see protocol 04 §10.3, §10.4 */
export function openPricing(deps: PricingDeps): (priced: Priced) => bigint {
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
    if (tokens !== undefined) return toMicroUsd(tokensUsd(tokenPrice(basis), tokens));
    const { measuredBy, steps } = call.prepared;
    const usd = measuredBy === "steps" ? stepsUsd(basis, steps) : secondsUsd(basis, durationSeconds);
    return toMicroUsd(isReroll ? usd * REROLL_MULTIPLIER : usd);
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

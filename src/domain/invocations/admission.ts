import { AppError } from "../../kernel/errors.js";
import { offsetIso } from "../../wire/timestamps.js";
import { type Account, holds, PERMISSION } from "../accounts/account.js";
import { ANY_CHUTE, type ChuteRule, ruleFor } from "../billing/chute-rule.js";
import type { PriceOverride } from "../billing/price.js";
import { type Chute, isPrivate } from "../chutes/chute.js";
import type { AdmissionRequest } from "./target-store.js";

/** What was set for one user. Keys are chute ids, or `*` for all others. */
export interface CallerRules {
  /** Calls a day. */
  readonly quotas: ReadonlyMap<string, number>;
  /** Requests a window. */
  readonly rateLimits: ReadonlyMap<string, number>;
  /** Fractions off. */
  readonly discounts: ReadonlyMap<string, number>;
  /** Prices of single chutes. */
  readonly priceOverrides: ReadonlyMap<string, PriceOverride>;
}

/** What decides whether a call is let in, all of it known without asking anybody. */
export interface CallFacts {
  readonly chute: Chute;
  readonly caller: Account;
  /** The caller's balance, less what was spent since it was read. */
  readonly balanceMicroUsd: bigint;
  /** Balance of the chute's owner; looked at for private chutes only. */
  readonly ownerBalanceMicroUsd: bigint;
  /** The owner is never charged, or is billed later: an empty balance does not stop the chute. */
  readonly isOwnerUnbilled?: boolean;
  readonly rules: CallerRules;
}

export interface AdmissionSettings {
  readonly platformUsername: string;
  /** Calls a day by chute id, `*` for all others. */
  readonly defaultQuotas: ReadonlyMap<string, number>;
  /** Requests a window on public chutes; 0 = no limit. */
  readonly rateLimitCount: number;
  readonly rateLimitWindowSeconds: number;
}

/** What Redis is asked, and what is settled already. */
export interface AdmissionPlan {
  readonly request: AdmissionRequest;
  /** The call costs its caller nothing, whatever the quota says. */
  readonly isFree: boolean;
  /** The owner pays for the instances. */
  readonly isPrivateBilled: boolean;
  /** Requests a window; null when there is no limit. */
  readonly rateLimit: number | null;
}

const FREE_DISCOUNT = 1;
const NO_RULE_SCOPE = "__default__";
/** Calls a day when nobody set any. */
const LAST_RESORT_QUOTA = 200;
const DAY_MS = 86_400_000;

/**
 * Quota, balance and limits of one call.
 * @throws AppError `payment_required` when the owner of a private chute has no balance left
 * @see protocol 04 §3.4, §3.5
 */
export function planAdmission(facts: CallFacts, settings: AdmissionSettings): AdmissionPlan {
  const { chute, caller } = facts;
  const isPrivateBilled = isPrivate(chute, settings.platformUsername);
  if (isPrivateBilled && facts.isOwnerUnbilled !== true && facts.ownerBalanceMicroUsd <= 0n) {
    throw new AppError("payment_required", "The owner of this chute has no balance left.");
  }
  const isFree = isPrivateBilled || chute.discount === FREE_DISCOUNT;
  const isUnmetered = isFree || isUnbilled(caller);
  const rateLimit = rateLimitOf(facts, settings);
  const request: AdmissionRequest = {
    chuteId: chute.chuteId,
    userId: caller.userId,
    ...(!isUnmetered && { quota: quotaOf(facts, settings) }),
    ...(rateLimit !== undefined && { rateLimit }),
  };
  return { request, isFree, isPrivateBilled, rateLimit: rateLimit?.limit ?? null };
}

/** Free accounts and those that get an invoice are never stopped by an empty balance. @see protocol 01 §7 */
export function isUnbilled(account: Pick<Account, "permissions">): boolean {
  return holds(account, PERMISSION.freeAccount) || holds(account, PERMISSION.invoiceBilling);
}

/** Answer to a caller whose quota is used up and whose balance is empty. @see protocol 04 §3.4 */
export function quotaExceeded(quota: number, paymentAddress: string, now: Date): AppError {
  const message = `Quota exceeded and no balance left: send TAO to ${paymentAddress} to continue.`;
  const midnight = new Date(Math.floor(now.getTime() / DAY_MS + 1) * DAY_MS);
  const resetsAt = offsetIso(midnight).replace(".000000", "");
  const detail = { message, ...(quota > 0 && { quota_reset_timestamp: resetsAt }) };
  return new AppError("payment_required", message, { detail });
}

/** Whether the caller may see and call the chute, shares aside. @see protocol 04 §3.2 */
export function isOpenTo(chute: Pick<Chute, "public" | "userId">, caller: Pick<Account, "userId">): boolean {
  return chute.public || chute.userId === caller.userId;
}

/** Whether the balance pays: free accounts are never charged, unless they are billed by invoice. @see protocol 04 §10.7 */
export function paysFromBalance(caller: Pick<Account, "permissions">): boolean {
  return !holds(caller, PERMISSION.freeAccount) || holds(caller, PERMISSION.invoiceBilling);
}

/** Calls a day of one user on one chute. @see protocol 01 §9.2 */
export function quotaRule(
  chuteId: string,
  own: ReadonlyMap<string, number>,
  defaults: ReadonlyMap<string, number>,
): ChuteRule {
  return ruleFor(chuteId, { own, defaults, otherwise: LAST_RESORT_QUOTA });
}

/** Name under which the calls of a quota are counted: those that no rule of their own covers share one counter. */
export function quotaScope(chuteId: string, { isOfChute }: Pick<ChuteRule, "isOfChute">): string {
  return isOfChute ? chuteId : NO_RULE_SCOPE;
}

function quotaOf({ chute, rules, balanceMicroUsd }: CallFacts, settings: AdmissionSettings) {
  const rule = quotaRule(chute.chuteId, rules.quotas, settings.defaultQuotas);
  return { limit: rule.value, scope: quotaScope(chute.chuteId, rule), isPaying: balanceMicroUsd > 0n };
}

function rateLimitOf({ chute, caller, rules }: CallFacts, settings: AdmissionSettings) {
  if (!chute.public || holds(caller, PERMISSION.unlimited) || caller.username === settings.platformUsername) {
    return undefined;
  }
  const own = rules.rateLimits.get(chute.chuteId);
  const limit = own ?? rules.rateLimits.get(ANY_CHUTE) ?? settings.rateLimitCount;
  if (limit === 0) return undefined;
  const scope = own === undefined ? "invoke" : `invoke:${chute.chuteId}`;
  return { scope, limit, windowSeconds: settings.rateLimitWindowSeconds };
}

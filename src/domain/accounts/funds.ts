import type { Account } from "./account.js";
import { holds, PERMISSION } from "./account.js";
import type { Funds } from "./funds-repository.js";

const HOUR_MS = 3_600_000;
const MICRO_USD = 1_000_000;

/**
 * What may still be spent at that moment, micro-USD: the stored balance less what running private instances have cost so far;
 * free accounts pay nothing for them. @see protocol 01 §9.1
 */
export function effectiveBalanceOf(account: Pick<Account, "permissions">, funds: Funds, now: Date): bigint {
  if (holds(account, PERMISSION.freeAccount)) return funds.balanceMicroUsd;
  const usd = funds.running
    .filter(({ stopBillingAt }) => stopBillingAt > now)
    .reduce((sum, one) => sum + ((now.getTime() - one.activatedAt.getTime()) / HOUR_MS) * one.hourlyRateUsd, 0);
  return funds.balanceMicroUsd - BigInt(Math.round(usd * MICRO_USD));
}

/** Whether an instance's billing has ended since the funds were read: it may have been prolonged meanwhile. */
export function isOutdated(funds: Funds, now: Date): boolean {
  return funds.running.some(({ stopBillingAt }) => stopBillingAt <= now);
}

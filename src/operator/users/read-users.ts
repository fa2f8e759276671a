import { listApiKeys } from "../../domain/accounts/api-key-repository.js";
import { permissionNames } from "../../domain/accounts/permission-texts.js";
import { usdOf } from "../../domain/billing/amount.js";
import {
  accountsNamedLike,
  type BilledAccount,
  billedAccountsById,
} from "../../domain/billing/billed-account-repository.js";
import { discountsOf, quotasOf } from "../../domain/billing/entitlement-repository.js";
import { priceOverridesOf } from "../../domain/billing/price-override-repository.js";
import { accountAt, type Desk } from "./desk.js";

/** A user in one line. */
export interface UserLine {
  readonly user_id: string;
  readonly username: string;
  readonly hotkey: string | null;
  readonly payment_address: string;
  readonly permissions: readonly string[];
  /** USD. */
  readonly balance: number;
  /** USD, less what running private instances have cost. */
  readonly effective_balance: number;
  readonly created_at: string;
}

/** Users whose name holds a text, by name. */
export async function listUsers(
  { db, now }: Desk,
  page: { readonly part: string; readonly after: string; readonly limit: number },
): Promise<UserLine[]> {
  return (await accountsNamedLike(db, now(), page)).map(toLine);
}

/** Everything that is set for a user. */
export interface UserCard extends UserLine {
  readonly coldkey: string;
  readonly developer_payment_address: string | null;
  readonly quotas: readonly {
    readonly chute_id: string;
    readonly quota: number;
    readonly effective_date: string | null;
  }[];
  readonly discounts: readonly { readonly chute_id: string; readonly discount: number }[];
  readonly prices: readonly Readonly<Record<string, unknown>>[];
  readonly api_keys: number;
}

export async function showUser(desk: Desk, idOrName: string): Promise<UserCard> {
  const { db, now } = desk;
  const account = await accountAt(desk, idOrName);
  const { userId } = account;
  const [billed, quotas, discounts, prices, keys] = await Promise.all([
    billedAccountsById(db, now(), [userId]),
    quotasOf(db, [userId]),
    discountsOf(db, userId),
    priceOverridesOf(db, userId),
    listApiKeys(db, { userId, name: "", offset: 0, limit: 1 }),
  ]);
  const known = billed.get(userId) ?? { account, effectiveBalanceMicroUsd: account.balanceMicroUsd };
  return {
    ...toLine(known),
    coldkey: account.coldkey,
    developer_payment_address: account.developerPaymentAddress ?? null,
    quotas: (quotas.get(userId) ?? []).map(({ chuteId, quota, effectiveDate }) => ({
      chute_id: chuteId,
      quota,
      effective_date: effectiveDate?.toISOString() ?? null,
    })),
    discounts: discounts.map(({ chuteId, discount }) => ({ chute_id: chuteId, discount })),
    prices: prices.map(({ chuteId, ...parts }) => ({
      chute_id: chuteId,
      per_request: parts.perRequest,
      per_million_in: parts.perMillionIn,
      per_million_out: parts.perMillionOut,
      per_step: parts.perStep,
    })),
    api_keys: keys.total,
  };
}

function toLine({ account, effectiveBalanceMicroUsd }: BilledAccount): UserLine {
  return {
    user_id: account.userId,
    username: account.username,
    hotkey: account.hotkey,
    payment_address: account.paymentAddress,
    permissions: permissionNames(account),
    balance: usdOf(account.balanceMicroUsd),
    effective_balance: usdOf(effectiveBalanceMicroUsd),
    created_at: account.createdAt.toISOString(),
  };
}

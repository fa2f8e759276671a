import {
  discountsOf,
  type NewQuota,
  quotasOf,
  replaceDiscounts,
  replaceQuotas,
  setPriceOverride,
} from "../../domain/billing/entitlement-repository.js";
import type { PriceOverride } from "../../domain/billing/price.js";
import { EVERYBODY } from "../../domain/billing/price-override-repository.js";
import { AppError } from "../../kernel/errors.js";
import { isUuid } from "../../wire/ids.js";
import type { Target } from "./change-user.js";
import { accountAt, type Desk } from "./desk.js";

/** What is set for a user, by chute id or `*`. */
export interface EntitlementReport {
  readonly user_id: string;
  readonly username: string;
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  readonly dry_run: boolean;
}

/** Changes to a set: entries to put in, keys to take out, or everything to take out first. */
export interface SetChange {
  /** `CHUTE=NUMBER`. */
  readonly set: readonly string[];
  readonly unset: readonly string[];
  readonly clear: boolean;
}

const MOST_CALLS = 2_147_483_647;

/** Changes how many calls a day a user has free. @throws AppError `invalid` for what is no quota */
export async function changeQuotas(desk: Desk, target: Target, change: SetChange): Promise<EntitlementReport> {
  const { userId, username } = await accountAt(desk, target.user);
  const stored = new Map((await quotasOf(desk.db, [userId])).get(userId)?.map((quota) => [quota.chuteId, quota]));
  const before = new Map([...stored].map(([chuteId, { quota }]) => [chuteId, quota]));
  const isQuota = (value: number) => Number.isInteger(value) && value >= 0 && value <= MOST_CALLS;
  const after = changed(before, change, { accepts: isQuota, what: "a whole number of calls, not below 0" });
  const quotas = new Map(
    [...after].map(([chuteId, quota]): [string, NewQuota] => {
      return [chuteId, { quota, effectiveDate: stored.get(chuteId)?.effectiveDate ?? null }];
    }),
  );
  if (!target.dryRun) {
    await replaceQuotas(desk.db, { ...desk.by, userId }, quotas);
    await desk.announce([{ kind: "account", id: userId }]);
  }
  return report({ userId, username, before, after, dryRun: target.dryRun });
}

/** Changes what fraction is off for a user. @throws AppError `invalid` for what is no discount */
export async function changeDiscounts(desk: Desk, target: Target, change: SetChange): Promise<EntitlementReport> {
  const { userId, username } = await accountAt(desk, target.user);
  const before = new Map((await discountsOf(desk.db, userId)).map(({ chuteId, discount }) => [chuteId, discount]));
  const isDiscount = (value: number) => value > 0 && value < 1;
  const after = changed(before, change, { accepts: isDiscount, what: "a fraction between 0 and 1, both excluded" });
  if (!target.dryRun) {
    await replaceDiscounts(desk.db, { ...desk.by, userId }, after);
    await desk.announce([{ kind: "account", id: userId }]);
  }
  return report({ userId, username, before, after, dryRun: target.dryRun });
}

interface Rule {
  readonly accepts: (value: number) => boolean;
  readonly what: string;
}

function changed(before: ReadonlyMap<string, number>, { set, unset, clear }: SetChange, rule: Rule) {
  const after = new Map(clear ? [] : before);
  for (const chuteId of unset) after.delete(chuteId);
  for (const entry of set) {
    const [chuteId = "", text = ""] = entry.split("=");
    const value = text === "" ? Number.NaN : Number(text);
    if ((chuteId !== "*" && !isUuid(chuteId)) || !rule.accepts(value))
      throw new AppError("invalid", `${entry} is not CHUTE=NUMBER with the id of a chute or * and ${rule.what}`);
    after.set(chuteId, value);
  }
  return after;
}

interface Reported {
  readonly userId: string;
  readonly username: string;
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  readonly dryRun: boolean;
}

function report({ userId, username, before, after, dryRun }: Reported): EntitlementReport {
  return {
    user_id: userId,
    username,
    before: Object.fromEntries(before),
    after: Object.fromEntries(after),
    dry_run: dryRun,
  };
}

/** Prices of one chute for one user, or for everybody. */
export interface PriceReport {
  readonly user_id: string;
  readonly chute_id: string;
  /** Null: computed as for everybody. */
  readonly price: PriceOverride | null;
  readonly dry_run: boolean;
}

/** Sets prices, or takes them back. @throws AppError `invalid` when none is set, or one is no price */
export async function changePrice(
  desk: Desk,
  { user, dryRun }: Target,
  { chuteId, price }: { readonly chuteId: string; readonly price: PriceOverride | null },
): Promise<PriceReport> {
  if (!isUuid(chuteId)) throw new AppError("invalid", `${chuteId} is not the id of a chute`);
  const parts = price === null ? [] : Object.values(price).filter((part) => part !== null);
  if (price !== null && (parts.length === 0 || parts.some((part) => !(part >= 0 && part <= 1_000_000))))
    throw new AppError("invalid", "set at least one price, each from 0 to 1000000 USD");
  const userId = user === EVERYBODY ? EVERYBODY : (await accountAt(desk, user)).userId;
  if (!dryRun) {
    await setPriceOverride(desk.db, { ...desk.by, userId }, { chuteId, override: price });
    await desk.announce([userId === EVERYBODY ? { kind: "chute", id: chuteId } : { kind: "account", id: userId }]);
  }
  return { user_id: userId, chute_id: chuteId, price, dry_run: dryRun };
}

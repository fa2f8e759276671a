import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { recordAccountChange } from "../accounts/account-repository.js";
import { invalidate } from "../outbox/outbox-repository.js";
import type { PriceOverride } from "./price.js";
import { deletePriceOverride, EVERYBODY, savePriceOverride } from "./price-override-repository.js";

/** Who changes what a user is entitled to, from where, when. */
export interface EntitlementChange {
  readonly userId: string;
  /** User id, or the name of the operator's command. */
  readonly actor: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** Calls a day on a chute, or with `*` on all others. */
export interface StoredQuota {
  readonly chuteId: string;
  readonly quota: number;
  readonly isDefault: boolean;
  /** When what the quota was paid for began. */
  readonly effectiveDate: Date | null;
  readonly updatedAt: Date;
}

/** A fraction off on a chute, or with `*` on all others. */
export interface StoredDiscount {
  readonly chuteId: string;
  readonly discount: number;
}

/** Most rows of one user. */
export const MOST_ENTITLEMENTS = 1000;

/** Quotas of some users, by user id. @see protocol 01 §9.2 */
export async function quotasOf(db: Db, userIds: readonly string[]): Promise<ReadonlyMap<string, StoredQuota[]>> {
  const rows = await db
    .selectFrom("invocation_quotas")
    .select(["user_id", "chute_id", "quota", "is_default", "payment_refresh_date", "updated_at"])
    .where("user_id", "in", [...userIds])
    .orderBy("chute_id")
    .limit(MOST_ENTITLEMENTS * userIds.length)
    .execute();
  const found = new Map<string, StoredQuota[]>();
  for (const row of rows) {
    const quota = {
      chuteId: row.chute_id,
      quota: row.quota,
      isDefault: row.is_default,
      effectiveDate: row.payment_refresh_date,
      updatedAt: row.updated_at,
    };
    found.set(row.user_id, [...(found.get(row.user_id) ?? []), quota]);
  }
  return found;
}

/** A quota to set. */
export interface NewQuota {
  readonly quota: number;
  readonly effectiveDate: Date | null;
}

/** Replaces all quotas of a user. @returns false when there is no such user */
export function replaceQuotas(
  db: Db,
  change: EntitlementChange,
  quotas: ReadonlyMap<string, NewQuota>,
): Promise<boolean> {
  const entries = [...quotas];
  const details = Object.fromEntries(entries.map(([chuteId, { quota }]) => [chuteId, quota]));
  return changeEntitlement(db, change, {
    action: "set_quotas",
    details,
    work: async (tx) => {
      await tx.deleteFrom("invocation_quotas").where("user_id", "=", change.userId).execute();
      const rows = entries.map(([chuteId, { quota, effectiveDate }]) => ({
        user_id: change.userId,
        chute_id: chuteId,
        quota,
        payment_refresh_date: effectiveDate,
        updated_at: change.now,
      }));
      if (rows.length > 0) await tx.insertInto("invocation_quotas").values(rows).execute();
    },
  });
}

/** Sets from when a quota counts. @returns the quota; undefined when the user has none for that chute */
export async function setQuotaDate(
  db: Db,
  change: EntitlementChange,
  at: { readonly chuteId: string; readonly effectiveDate: Date | null },
): Promise<StoredQuota | undefined> {
  const { chuteId, effectiveDate } = at;
  const details = { chuteId, effectiveDate };
  await changeEntitlement(db, change, {
    action: "set_quota_date",
    details,
    work: async (tx) => {
      await tx
        .updateTable("invocation_quotas")
        .set({ payment_refresh_date: effectiveDate, updated_at: change.now })
        .where("user_id", "=", change.userId)
        .where("chute_id", "=", chuteId)
        .execute();
    },
  });
  const quotas = (await quotasOf(db, [change.userId])).get(change.userId);
  return quotas?.find((quota) => quota.chuteId === chuteId);
}

/** @see protocol 01 §9.4 */
export async function discountsOf(db: Db, userId: string): Promise<StoredDiscount[]> {
  const rows = await db
    .selectFrom("invocation_discounts")
    .select(["chute_id", "discount"])
    .where("user_id", "=", userId)
    .orderBy("chute_id")
    .limit(MOST_ENTITLEMENTS)
    .execute();
  return rows.map(({ chute_id: chuteId, discount }) => ({ chuteId, discount }));
}

/** Replaces all discounts of a user. @returns false when there is no such user */
export function replaceDiscounts(
  db: Db,
  change: EntitlementChange,
  discounts: ReadonlyMap<string, number>,
): Promise<boolean> {
  const details = Object.fromEntries(discounts);
  return changeEntitlement(db, change, {
    action: "set_discounts",
    details,
    work: async (tx) => {
      await tx.deleteFrom("invocation_discounts").where("user_id", "=", change.userId).execute();
      const rows = [...discounts].map(([chuteId, discount]) => ({
        user_id: change.userId,
        chute_id: chuteId,
        discount,
        updated_at: change.now,
      }));
      if (rows.length > 0) await tx.insertInto("invocation_discounts").values(rows).execute();
    },
  });
}

/**
 * Sets the prices of one chute for a user, or for everybody (`*`); null takes them back.
 * @returns false when there is no such user
 * @see protocol 01 §9.4
 */
export function setPriceOverride(
  db: Db,
  change: EntitlementChange,
  { chuteId, override }: { readonly chuteId: string; readonly override: PriceOverride | null },
): Promise<boolean> {
  const { userId, now } = change;
  const details = { chuteId, ...(override ?? { deleted: true }) };
  return changeEntitlement(db, change, {
    action: "set_price",
    details,
    work: async (tx) => {
      if (override === null) await deletePriceOverride(tx, { userId, chuteId });
      else await savePriceOverride(tx, { userId, chuteId, now }, override);
      if (userId === EVERYBODY) await invalidate(tx, [{ kind: "chute", id: chuteId }], now);
    },
  });
}

interface Audited {
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly work: (tx: Db) => Promise<void>;
}

/** The user's row is locked, so that two administrators do not mix their sets. */
function changeEntitlement(
  db: Db,
  { userId, actor, clientAddress, now }: EntitlementChange,
  { action, details, work }: Audited,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql`select 1 from users where user_id = ${userId} for update`.execute(tx);
    if (rows.length === 0 && userId !== EVERYBODY) return false;
    await work(tx);
    await recordAccountChange(tx, { userId, actor, action, details, clientAddress }, now);
    if (userId !== EVERYBODY) await invalidate(tx, [{ kind: "account", id: userId }], now);
    return true;
  });
}

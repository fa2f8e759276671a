import type { Db } from "../../infra/postgres/client.js";
import type { PriceOverride } from "./price.js";

/** Stands for every user in the table of prices. */
export const EVERYBODY = "*";

/** Most rows of one user that are looked at. */
const LIMIT = 1000;

const PARTS = ["per_request", "per_million_in", "per_million_out", "per_step"] as const;

/** Prices that everybody has, by chute id. @see protocol 03 §7.3 */
export async function globalPriceOverrides(
  db: Db,
  chuteIds: readonly string[],
): Promise<ReadonlyMap<string, PriceOverride>> {
  if (chuteIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("price_overrides")
    .select(["chute_id", ...PARTS])
    .where("user_id", "=", EVERYBODY)
    .where("chute_id", "in", [...chuteIds])
    .execute();
  return new Map(rows.map((row) => [row.chute_id, toOverride(row)]));
}

/** A stored row of one user. */
export interface UserPriceOverride extends PriceOverride {
  readonly chuteId: string;
}

/** Everything that was set for one user (or `*`), by chute id. */
export async function priceOverridesOf(db: Db, userId: string): Promise<UserPriceOverride[]> {
  const rows = await db
    .selectFrom("price_overrides")
    .select(["chute_id", ...PARTS])
    .where("user_id", "=", userId)
    .orderBy("chute_id")
    .limit(LIMIT)
    .execute();
  return rows.map((row) => ({ chuteId: row.chute_id, ...toOverride(row) }));
}

/** Sets the prices of one chute for one user (or `*`), whole. */
export async function savePriceOverride(
  tx: Db,
  at: { readonly userId: string; readonly chuteId: string; readonly now: Date },
  override: PriceOverride,
): Promise<void> {
  const parts = {
    per_request: override.perRequest,
    per_million_in: override.perMillionIn,
    per_million_out: override.perMillionOut,
    per_step: override.perStep,
    updated_at: at.now,
  };
  await tx
    .insertInto("price_overrides")
    .values({ user_id: at.userId, chute_id: at.chuteId, ...parts })
    .onConflict((conflict) => conflict.columns(["user_id", "chute_id"]).doUpdateSet(parts))
    .execute();
}

/** @returns false when there was none */
export async function deletePriceOverride(tx: Db, at: { userId: string; chuteId: string }): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom("price_overrides")
    .where("user_id", "=", at.userId)
    .where("chute_id", "=", at.chuteId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

type Row = Record<(typeof PARTS)[number], number | null>;

function toOverride(row: Row): PriceOverride {
  return {
    perRequest: row.per_request,
    perMillionIn: row.per_million_in,
    perMillionOut: row.per_million_out,
    perStep: row.per_step,
  };
}

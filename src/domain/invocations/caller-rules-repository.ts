import type { Db } from "../../infra/postgres/client.js";
import { priceOverridesOf } from "../billing/price-override-repository.js";
import type { CallerRules } from "./admission.js";

/** Most rows of one user that are looked at. */
const LIMIT = 1000;

/** What was set for a user. */
export async function callerRules(db: Db, userId: string): Promise<CallerRules> {
  const [quotas, discounts, overrides, user] = await Promise.all([
    db
      .selectFrom("invocation_quotas")
      .select(["chute_id", "quota"])
      .where("user_id", "=", userId)
      .limit(LIMIT)
      .execute(),
    db
      .selectFrom("invocation_discounts")
      .select(["chute_id", "discount"])
      .where("user_id", "=", userId)
      .limit(LIMIT)
      .execute(),
    priceOverridesOf(db, userId),
    db.selectFrom("users").select("rate_limit_overrides").where("user_id", "=", userId).executeTakeFirst(),
  ]);
  return {
    quotas: new Map(quotas.map(({ chute_id: chuteId, quota }) => [chuteId, quota])),
    discounts: new Map(discounts.map(({ chute_id: chuteId, discount }) => [chuteId, discount])),
    priceOverrides: new Map(overrides.map((override) => [override.chuteId, override])),
    rateLimits: new Map(limitsIn(user?.rate_limit_overrides)),
  };
}

function limitsIn(overrides: unknown): [string, number][] {
  const entries = Object.entries(Object(overrides) as Record<string, unknown>);
  return entries.filter((entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] >= 0);
}

import { numberMap } from "../../kernel/config/number-map.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";

/** What holds for users for whom nothing was set; by chute id, `*` for all others. @see protocol 01 §9 */
export interface DefaultRules {
  /** Calls a day. */
  readonly quotas: ReadonlyMap<string, number>;
  /** Fractions off, in [0, 1]. */
  readonly discounts: ReadonlyMap<string, number>;
}

/** @throws AppError `config` when a setting is no such map, or a discount is above 1 */
export function defaultRules({ accounts }: Pick<Config, "accounts">): DefaultRules {
  const discounts = numberMap(accounts.defaultDiscounts, "accounts.defaultDiscounts");
  if ([...discounts.values()].some((discount) => discount > 1)) {
    throw new AppError("config", "accounts.defaultDiscounts must hold fractions between 0 and 1", {
      code: "CFG001",
      fix: `write 20 % as {"*":0.2}`,
    });
  }
  return { quotas: numberMap(accounts.defaultQuotas, "accounts.defaultQuotas"), discounts };
}

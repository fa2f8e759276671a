import type { Account } from "../../../domain/accounts/account.js";

/**
 * What this process charged since an account was read: its balance in memory is up to 30 s old, and calls must not be made
 * on credit for that long. A fresh copy of the account starts again from what the database says.
 */
export class Spending {
  readonly #spent = new WeakMap<Account, bigint>();

  /** Balance less what was spent since, micro-USD. */
  balanceOf(account: Account): bigint {
    return account.balanceMicroUsd - (this.#spent.get(account) ?? 0n);
  }

  add(account: Account, amountMicroUsd: bigint): void {
    if (amountMicroUsd > 0n) this.#spent.set(account, (this.#spent.get(account) ?? 0n) + amountMicroUsd);
  }
}

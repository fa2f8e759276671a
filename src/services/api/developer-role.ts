import { type Account, holds, PERMISSION } from "../../domain/accounts/account.js";
import { acceptDeposit, depositState, isReturning } from "../../domain/billing/developer-deposit-repository.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";

export type DeveloperRoleDeps = Pick<ApiDeps, "config" | "db" | "chain" | "taoPrice" | "now"> & {
  readonly directory: Pick<Directory, "drop">;
};

/** Whether somebody may act as a developer, and what is missing. */
export interface DeveloperRole {
  readonly isDeveloper: boolean;
  /** USD still to be deposited; undefined when nothing is asked for, or the price of TAO is not known. */
  readonly missingUsd: number | undefined;
}

const RAO_PER_TAO = 1_000_000_000;

/**
 * Looks at an account's deposit and gives the developer role once it suffices. Platforms that ask for no deposit leave the
 * role to their administrators.
 * @throws AppError `unavailable` when the chain does not answer
 * @see protocol 01 §11
 */
export async function grantDeveloperRole(deps: DeveloperRoleDeps, account: Account): Promise<DeveloperRole> {
  const { developerDepositUsd } = deps.config.accounts;
  if (holds(account, PERMISSION.developer)) return { isDeveloper: true, missingUsd: 0 };
  if (developerDepositUsd === 0) return { isDeveloper: false, missingUsd: undefined };
  const address = account.developerPaymentAddress;
  if (address === undefined) return { isDeveloper: false, missingUsd: developerDepositUsd };
  const now = deps.now();
  // The state comes first: what is seen on the chain afterwards is younger than it.
  const state = await depositState(deps.db, account.userId);
  if (isReturning(state, now)) return { isDeveloper: false, missingUsd: developerDepositUsd };
  const [rao, taoUsd] = await Promise.all([deps.chain.freeBalance(address), deps.taoPrice.usd()]);
  if (taoUsd === undefined) return { isDeveloper: false, missingUsd: undefined };
  const paidUsd = (Number(rao) / RAO_PER_TAO) * taoUsd;
  if (paidUsd < developerDepositUsd) return { isDeveloper: false, missingUsd: developerDepositUsd - paidUsd };
  const change = { userId: account.userId, actor: "platform", clientAddress: null, now };
  const isGiven = await acceptDeposit(deps.db, change, { state, details: { rao: String(rao), taoUsd } });
  if (isGiven) deps.directory.drop({ kind: "account", id: account.userId });
  return { isDeveloper: isGiven, missingUsd: isGiven ? 0 : undefined };
}

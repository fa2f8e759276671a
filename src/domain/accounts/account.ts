/** A user row as the request path needs it; cached in process, invalidated by push. @see protocol 01 §6.1 */
export interface Account {
  readonly userId: string;
  readonly username: string;
  readonly hotkey: string | null;
  readonly coldkey: string;
  readonly paymentAddress: string;
  /** Where a developer's deposit goes, on platforms that ask for one. @see protocol 01 §11 */
  readonly developerPaymentAddress?: string;
  /** Bits of `PERMISSION`. */
  readonly permissions: number;
  readonly balanceMicroUsd: bigint;
  readonly logoId: string | null;
  readonly createdAt: Date;
}

/** What everybody may know of an account. */
export type AccountCard = Pick<Account, "userId" | "username" | "logoId" | "createdAt">;

/** One scope of a key that is not an admin key; null means any. @see protocol 01 §4.3 */
export interface ApiKeyScope {
  readonly objectType: "images" | "chutes" | "invocations";
  readonly objectId: string | null;
  readonly action: "read" | "write" | "delete" | "invoke" | null;
}

/** What a presented API key allows. */
export interface ApiKeyGrant {
  readonly apiKeyId: string;
  readonly admin: boolean;
  readonly scopes: readonly ApiKeyScope[];
}

/**
 * Permission bits. 24 to 30 are this platform's own: they stay clear of the original's and of the sign bit.
 * @see protocol 01 §7
 */
export const PERMISSION = {
  developer: 1 << 0,
  createUser: 1 << 1,
  updateUser: 1 << 2,
  deleteUser: 1 << 3,
  freeAccount: 1 << 4,
  unlimited: 1 << 5,
  billingAdmin: 1 << 6,
  unlimitedDev: 1 << 7,
  invoiceBilling: 1 << 8,
  stakeWeightQuota: 1 << 9,
  affineAdmin: 1 << 10,
  publicModelDeployment: 1 << 11,
  /** Grants and revokes permissions, its own included. */
  superAdmin: 1 << 24,
} as const;

/** Name of each permission, as commands and requests spell it, with its bit. @see protocol 01 §7 */
export const PERMISSION_NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries(PERMISSION).map(([name, bit]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    bit,
  ]),
);

/** True when every bit of `bit` is set. */
export function holds(account: Pick<Account, "permissions">, bit: number): boolean {
  return (account.permissions & bit) === bit;
}

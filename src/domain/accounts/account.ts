/** A user row as the request path needs it; cached in process, invalidated by push. @see protocol 01 §6.1 */
export interface Account {
  readonly userId: string;
  readonly username: string;
  readonly hotkey: string | null;
  readonly coldkey: string;
  readonly paymentAddress: string;
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

/** Permission bits that this code reads. @see protocol 01 §7 */
export const PERMISSION = {
  freeAccount: 1 << 4,
  unlimited: 1 << 5,
  billingAdmin: 1 << 6,
  unlimitedDev: 1 << 7,
  invoiceBilling: 1 << 8,
  publicModelDeployment: 1 << 11,
} as const;

/** True when every bit of `bit` is set. */
export function holds(account: Pick<Account, "permissions">, bit: number): boolean {
  return (account.permissions & bit) === bit;
}

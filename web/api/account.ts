import type { Api } from "./client.js";

export interface Account {
  readonly username: string;
  readonly userId: string;
  readonly hotkey: string | null;
  readonly paymentAddress: string;
  readonly balanceUsd: number;
  readonly permissions: readonly string[];
}

interface WireAccount {
  readonly username: string;
  readonly user_id: string;
  readonly hotkey: string | null;
  readonly payment_address: string;
  readonly balance: number;
  readonly permissions: readonly string[];
}

export async function readAccount(api: Api, signal?: AbortSignal): Promise<Account> {
  const wire = (await api.json("/users/me", { signal })) as WireAccount;
  return {
    username: wire.username,
    userId: wire.user_id,
    hotkey: wire.hotkey,
    paymentAddress: wire.payment_address,
    balanceUsd: wire.balance,
    permissions: wire.permissions,
  };
}

/** Free calls of today (UTC). `limit` undefined: the account is not limited. */
export interface QuotaUse {
  readonly limit: number | undefined;
  readonly used: number;
}

export async function readQuotaUse(api: Api, signal?: AbortSignal): Promise<QuotaUse> {
  const wire = (await api.json("/users/me/quota_usage/*", { signal })) as { quota: number | string; used: number };
  return { limit: typeof wire.quota === "number" ? wire.quota : undefined, used: wire.used };
}

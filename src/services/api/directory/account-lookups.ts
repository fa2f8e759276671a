import type { Account, ApiKeyGrant } from "../../../domain/accounts/account.js";
import type { StoredApiKey } from "../../../domain/accounts/api-key-repository.js";
import { effectiveBalanceOf, isOutdated } from "../../../domain/accounts/funds.js";
import type { Funds } from "../../../domain/accounts/funds-repository.js";
import { apiKeyMatches, parseApiKey } from "../../../wire/api-key.js";
import type { ExpiringCache } from "./expiring-cache.js";
import type { ImportedKeys } from "./imported-keys.js";

/** Who has an account, what proves it, and what it can spend. */
export interface AccountLookups {
  /** Owner and rights of a key; undefined unless it is a live key, compared in constant time. */
  accountByApiKey(key: string): Promise<{ account: Account; grant: ApiKeyGrant } | undefined>;
  accountByHotkey(hotkey: string): Promise<Account | undefined>;
  accountById(userId: string): Promise<Account | undefined>;
  /** Stored form of an account's fingerprint, of which the key of its session tokens is made. */
  storedFingerprintOf(userId: string): Promise<string | undefined>;
  /** What the account may still spend at this moment, micro-USD. @see protocol 01 §9.1 */
  effectiveBalance(account: Account): Promise<bigint>;
}

interface AccountCaches {
  readonly accounts: ExpiringCache<Account>;
  readonly userIdByHotkey: ExpiringCache<string>;
  readonly apiKeys: ExpiringCache<StoredApiKey>;
  readonly fingerprints: ExpiringCache<string>;
  readonly funds: ExpiringCache<Funds>;
}

interface LookupDeps {
  readonly now: () => Date;
  readonly usedKeys: { add(apiKeyId: string): void };
  readonly importedKeys: ImportedKeys;
}

/** Answers from the caches. */
export function accountLookups(caches: AccountCaches, deps: LookupDeps): AccountLookups {
  const { accounts, apiKeys, funds } = caches;
  return {
    accountById: (userId) => accounts.get(userId),
    storedFingerprintOf: (userId) => caches.fingerprints.get(userId),
    async accountByHotkey(hotkey) {
      const userId = await caches.userIdByHotkey.get(hotkey);
      return userId === undefined ? undefined : accounts.get(userId);
    },
    async accountByApiKey(key) {
      const ids = parseApiKey(key);
      const stored = ids && (await apiKeys.get(ids.apiKeyId));
      if (stored === undefined || !(await isKey(key, stored, deps.importedKeys))) return undefined;
      const account = await accounts.get(stored.userId);
      if (account === undefined) return undefined;
      deps.usedKeys.add(stored.grant.apiKeyId);
      return { account, grant: stored.grant };
    },
    async effectiveBalance(account) {
      const at = deps.now();
      const known = await funds.get(account.userId);
      if (known !== undefined && !isOutdated(known, at)) return effectiveBalanceOf(account, known, at);
      funds.drop(account.userId);
      const fresh = await funds.get(account.userId);
      return fresh === undefined ? 0n : effectiveBalanceOf(account, fresh, at);
    },
  };
}

async function isKey(key: string, stored: StoredApiKey, importedKeys: ImportedKeys): Promise<boolean> {
  if (!importedKeys.isImported(stored.keyHash)) return apiKeyMatches(key, stored.keyHash);
  return importedKeys.matches(key, { apiKeyId: stored.grant.apiKeyId, keyHash: stored.keyHash });
}

import type { Account } from "../../../domain/accounts/account.js";
import { accountById, userIdByHotkey } from "../../../domain/accounts/account-repository.js";
import { type StoredApiKey, storedApiKey } from "../../../domain/accounts/api-key-repository.js";
import { type Funds, fundsOf } from "../../../domain/accounts/funds-repository.js";
import { storedFingerprintOf } from "../../../domain/accounts/identity-repository.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import {
  chuteById,
  chuteIdBySlug,
  chuteIdOf,
  chuteIdsNamed,
  isSharedWith,
} from "../../../domain/chutes/chute-repository.js";
import { minerByHotkey } from "../../../domain/metagraph/metagraph-repository.js";
import type { RegisteredMiner } from "../../../domain/metagraph/miner.js";
import type { Invalidation } from "../../../domain/outbox/outbox-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import { ExpiringCache } from "./expiring-cache.js";

export type Caches = ReturnType<typeof createCaches>;

const NAMED_LIMIT = 100;
/** With the 18 s that a silent connection may go unnoticed, nothing outlives 30 s. */
const TTL_MS = 20_000;
const NEGATIVE_TTL_MS = 5000;
/** Life of an entry while changes are not heard of. */
const DEAF_TTL_MS = 3000;

/** The tables of the directory. `isDeaf` tells whether announcements are being missed. */
export function createCaches({
  db,
  now,
  netuid,
  isDeaf,
}: {
  readonly db: Db;
  readonly now: () => Date;
  readonly netuid: number;
  readonly isDeaf: () => boolean;
}) {
  const capMs = () => (isDeaf() ? DEAF_TTL_MS : TTL_MS);
  const cache = <V>(limit: number, load: (key: string) => Promise<V | undefined>) =>
    new ExpiringCache<V>({ load, now, limit, ttlMs: TTL_MS, negativeTtlMs: NEGATIVE_TTL_MS, capMs });
  return {
    accounts: cache<Account>(20_000, (userId) => accountById(db, userId)),
    userIdByHotkey: cache<string>(20_000, (hotkey) => userIdByHotkey(db, hotkey)),
    fingerprints: cache<string>(20_000, (userId) => storedFingerprintOf(db, userId)),
    funds: cache<Funds>(20_000, (userId) => fundsOf(db, userId, now())),
    apiKeys: cache<StoredApiKey>(20_000, (apiKeyId) => storedApiKey(db, apiKeyId)),
    chutes: cache<Chute>(5000, (chuteId) => chuteById(db, chuteId)),
    chuteIdBySlug: cache<string>(10_000, (slug) => chuteIdBySlug(db, slug)),
    chuteIdsByName: cache<readonly string[]>(10_000, (name) => chuteIdsNamed(db, name, NAMED_LIMIT)),
    chuteIdByOwner: cache<string>(10_000, (key) => chuteIdOf(db, unjoin(key))),
    shares: cache<true>(20_000, async (key) => (await isSharedWith(db, unjoinShare(key))) || undefined),
    miners: cache<RegisteredMiner>(5000, (hotkey) => minerByHotkey(db, netuid, hotkey)),
  };
}

/** Forgets everything: announcements may have been missed. */
export function dropAll(caches: Caches): void {
  for (const cache of Object.values(caches)) cache.dropWhere(() => true);
}

/** Forgets what a change concerns. */
export function dropFrom(caches: Caches, { kind, id }: Invalidation): void {
  const isOfId = (value: string | undefined) => value === undefined || value === id;
  switch (kind) {
    case "account":
      caches.accounts.drop(id);
      caches.fingerprints.drop(id);
      caches.funds.drop(id);
      caches.userIdByHotkey.dropWhere(isOfId);
      return;
    case "balance":
      caches.funds.drop(id);
      return;
    case "api_key":
      caches.apiKeys.drop(id);
      return;
    case "chute":
      caches.chutes.drop(id);
      caches.chuteIdBySlug.dropWhere(isOfId);
      caches.chuteIdByOwner.dropWhere(isOfId);
      // A new chute may join any name's list; deploys are rare.
      caches.chuteIdsByName.dropWhere(() => true);
      caches.shares.dropWhere((_, key) => key.startsWith(`${id}\n`));
      return;
    case "metagraph":
      caches.miners.drop(id);
      return;
    case "instances":
      void dropFundsOfOwner(caches, id);
      return;
  }
}

/** A private chute's instances cost their owner money; those of a deleted chute are found in what is known of the owners. */
async function dropFundsOfOwner({ chutes, funds }: Caches, chuteId: string): Promise<void> {
  const chute = await chutes.get(chuteId).catch(() => undefined);
  if (chute !== undefined) funds.drop(chute.userId);
  else funds.dropWhere((value) => value?.running.some((one) => one.chuteId === chuteId) ?? false);
}

function unjoin(key: string): { userId: string; name: string } {
  const [userId = "", ...name] = key.split("\n");
  return { userId, name: name.join("\n") };
}

function unjoinShare(key: string): { chuteId: string; userId: string } {
  const [chuteId = "", userId = ""] = key.split("\n");
  return { chuteId, userId };
}

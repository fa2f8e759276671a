import type { Account, ApiKeyGrant } from "../../../domain/accounts/account.js";
import { accountById, userIdByHotkey } from "../../../domain/accounts/account-repository.js";
import { type StoredApiKey, storedApiKey } from "../../../domain/accounts/api-key-repository.js";
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
import { INVALIDATION_CHANNEL, type Invalidation } from "../../../domain/outbox/outbox-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import type { Redis } from "../../../infra/redis/client.js";
import { subscribe } from "../../../infra/redis/pubsub.js";
import { CloseStack, type Running } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";
import { apiKeyMatches, parseApiKey } from "../../../wire/api-key.js";
import { initCrypto } from "../../../wire/keypair.js";
import { ExpiringCache } from "./expiring-cache.js";
import { openUsedKeys } from "./used-keys.js";
import { VerifiedSignatures } from "./verified-signatures.js";

export interface DirectoryOptions {
  readonly db: Db;
  readonly redis: Redis;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  readonly netuid: number;
}

/**
 * Who and what the platform knows, from memory. Entries live 30 s at most (negative answers 5 s) and go at once when a
 * change is announced, so a warm request costs no SQL. @see protocol 01 §4.2, §21.7
 */
export interface Directory extends Running {
  /** Owner and rights of a key; undefined unless it is a live key, compared in constant time. */
  accountByApiKey(key: string): Promise<{ account: Account; grant: ApiKeyGrant } | undefined>;
  accountByHotkey(hotkey: string): Promise<Account | undefined>;
  accountById(userId: string): Promise<Account | undefined>;
  chuteById(chuteId: string): Promise<Chute | undefined>;
  chuteBySlug(slug: string): Promise<Chute | undefined>;
  /** Chutes of that name (any case) of all owners, public and busy ones first, at most 100. The caller checks visibility. */
  chutesNamed(name: string): Promise<readonly Chute[]>;
  /** One owner's chute of that name (any case). */
  chuteOf(userId: string, name: string): Promise<Chute | undefined>;
  isSharedWith(share: { readonly chuteId: string; readonly userId: string }): Promise<boolean>;
  minerByHotkey(hotkey: string): Promise<RegisteredMiner | undefined>;
  /** Signatures that were found true before. */
  readonly signatures: VerifiedSignatures;
  /** Forgets what changed in this process; others hear of it through the channel. */
  drop(change: Invalidation): void;
}

const NAMED_LIMIT = 100;
const TTL_MS = 30_000;
const NEGATIVE_TTL_MS = 5000;

/** Opens the caches and listens for changes until closed. */
export async function openDirectory(options: DirectoryOptions): Promise<Directory> {
  const stack = new CloseStack();
  try {
    await initCrypto();
    const usedKeys = stack.use(openUsedKeys(options));
    const caches = createCaches(options);
    const drop = (change: Invalidation) => dropFrom(caches, change);
    const onMessage = (payload: unknown) => drop(payload as Invalidation);
    stack.use(await subscribe(options, INVALIDATION_CHANNEL, onMessage));
    return {
      ...accountLookups(caches, usedKeys),
      ...chuteLookups(caches),
      minerByHotkey: (hotkey) => caches.miners.get(hotkey),
      signatures: new VerifiedSignatures(),
      drop,
      close: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

type Caches = ReturnType<typeof createCaches>;

function createCaches({ db, now, netuid }: DirectoryOptions) {
  const cache = <V>(limit: number, load: (key: string) => Promise<V | undefined>) =>
    new ExpiringCache<V>({ load, now, limit, ttlMs: TTL_MS, negativeTtlMs: NEGATIVE_TTL_MS });
  return {
    accounts: cache<Account>(20_000, (userId) => accountById(db, userId)),
    userIdByHotkey: cache<string>(20_000, (hotkey) => userIdByHotkey(db, hotkey)),
    apiKeys: cache<StoredApiKey>(20_000, (apiKeyId) => storedApiKey(db, apiKeyId)),
    chutes: cache<Chute>(5000, (chuteId) => chuteById(db, chuteId)),
    chuteIdBySlug: cache<string>(10_000, (slug) => chuteIdBySlug(db, slug)),
    chuteIdsByName: cache<readonly string[]>(10_000, (name) => chuteIdsNamed(db, name, NAMED_LIMIT)),
    chuteIdByOwner: cache<string>(10_000, (key) => chuteIdOf(db, unjoin(key))),
    shares: cache<true>(20_000, async (key) => (await isSharedWith(db, unjoinShare(key))) || undefined),
    miners: cache<RegisteredMiner>(5000, (hotkey) => minerByHotkey(db, netuid, hotkey)),
  };
}

function accountLookups({ accounts, userIdByHotkey: byHotkey, apiKeys }: Caches, usedKeys: { add(id: string): void }) {
  return {
    accountById: (userId: string) => accounts.get(userId),
    async accountByHotkey(hotkey: string) {
      const userId = await byHotkey.get(hotkey);
      return userId === undefined ? undefined : accounts.get(userId);
    },
    async accountByApiKey(key: string) {
      const ids = parseApiKey(key);
      const stored = ids && (await apiKeys.get(ids.apiKeyId));
      if (stored === undefined || !apiKeyMatches(key, stored.keyHash)) return undefined;
      const account = await accounts.get(stored.userId);
      if (account === undefined) return undefined;
      usedKeys.add(stored.grant.apiKeyId);
      return { account, grant: stored.grant };
    },
  };
}

function chuteLookups({ chutes, chuteIdBySlug: bySlug, chuteIdsByName, chuteIdByOwner, shares }: Caches) {
  const chuteOfId = async (chuteId: string | undefined) => (chuteId === undefined ? undefined : chutes.get(chuteId));
  return {
    chuteById: (chuteId: string) => chutes.get(chuteId),
    chuteBySlug: async (slug: string) => chuteOfId(await bySlug.get(slug)),
    async chutesNamed(name: string) {
      const ids = (await chuteIdsByName.get(name.toLowerCase())) ?? [];
      const found = await Promise.all(ids.map((chuteId) => chutes.get(chuteId)));
      return found.filter((chute) => chute !== undefined);
    },
    chuteOf: async (userId: string, name: string) =>
      chuteOfId(await chuteIdByOwner.get(`${userId}\n${name.toLowerCase()}`)),
    isSharedWith: async (share: { readonly chuteId: string; readonly userId: string }) =>
      (await shares.get(`${share.chuteId}\n${share.userId}`)) ?? false,
  };
}

function unjoin(key: string): { userId: string; name: string } {
  const [userId = "", ...name] = key.split("\n");
  return { userId, name: name.join("\n") };
}

function unjoinShare(key: string): { chuteId: string; userId: string } {
  const [chuteId = "", userId = ""] = key.split("\n");
  return { chuteId, userId };
}

function dropFrom(caches: Caches, { kind, id }: Invalidation): void {
  const isOfId = (value: string | undefined) => value === undefined || value === id;
  switch (kind) {
    case "account":
      caches.accounts.drop(id);
      caches.userIdByHotkey.dropWhere(isOfId);
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
      return;
  }
}

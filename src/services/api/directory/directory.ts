import type { Chute } from "../../../domain/chutes/chute.js";
import type { RegisteredMiner } from "../../../domain/metagraph/miner.js";
import { announceNow } from "../../../domain/outbox/invalidation-store.js";
import { INVALIDATION_CHANNEL, type Invalidation } from "../../../domain/outbox/outbox-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import type { Redis } from "../../../infra/redis/client.js";
import { subscribe } from "../../../infra/redis/pubsub.js";
import { CloseStack, type Running } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";
import { initCrypto } from "../../../wire/keypair.js";
import { type AccountLookups, accountLookups } from "./account-lookups.js";
import { type Caches, createCaches, dropAll, dropFrom } from "./caches.js";
import { openImportedKeys } from "./imported-keys.js";
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
 * Who and what the platform knows, from memory. Entries live 20 s at most (negative answers 5 s, all 3 s while announcements
 * cannot be heard) and go at once when a change is announced, so a warm request costs no SQL. @see protocol 01 §4.2, §21.7
 */
export interface Directory extends AccountLookups, Running {
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
  /**
   * Forgets what this process changed, and tells the others at once. Call it after the commit; the outbox row of the same
   * change remains the message that cannot be lost.
   */
  drop(change: Invalidation): void;
  /** Calls back for every change that this process hears of, its own included. @returns what ends it */
  onChange(listener: ChangeListener): () => void;
}

/** Undefined: announcements may have been missed, so anything may have changed. */
export type ChangeListener = (change: Invalidation | undefined) => void;

/** Opens the caches and listens for changes until closed. */
export async function openDirectory(options: DirectoryOptions): Promise<Directory> {
  const stack = new CloseStack();
  try {
    await initCrypto();
    const usedKeys = stack.use(openUsedKeys(options));
    let isDeaf = false;
    const listeners = new Set<ChangeListener>();
    const caches = createCaches({ ...options, isDeaf: () => isDeaf });
    const importedKeys = openImportedKeys(options, (id) => dropFrom(caches, { kind: "api_key", id }));
    const onState = (isSubscribed: boolean) => {
      isDeaf = !isSubscribed;
      if (!isSubscribed) return;
      dropAll(caches);
      for (const listener of listeners) listener(undefined);
    };
    const forget = (change: Invalidation) => {
      dropFrom(caches, change);
      for (const listener of listeners) listener(change);
    };
    const onMessage = (payload: unknown) => forget(payload as Invalidation);
    stack.use(await subscribe({ ...options, onState }, INVALIDATION_CHANNEL, onMessage));
    return {
      ...accountLookups(caches, { now: options.now, usedKeys, importedKeys }),
      ...chuteLookups(caches),
      minerByHotkey: (hotkey) => caches.miners.get(hotkey),
      signatures: new VerifiedSignatures(),
      drop: (change) => {
        forget(change);
        void announceNow(options.redis, [change]);
      },
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
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

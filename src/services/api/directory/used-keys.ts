import { touchApiKeys } from "../../../domain/accounts/api-key-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import { type Running, runLoop } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";

/** Collects which keys were used, so that a busy key costs one write a minute. @see protocol 01 §4.2 */
export interface UsedKeys extends Running {
  add(apiKeyId: string): void;
}

const FLUSH_INTERVAL_MS = 60_000;
/** More distinct keys within a minute are not noted. */
const LIMIT = 50_000;

/** Starts the collector; closing writes what is left. */
export function openUsedKeys(deps: {
  readonly db: Db;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}): UsedKeys {
  let used = new Map<string, Date>();
  const flush = async () => {
    const batch = used;
    used = new Map();
    await touchApiKeys(deps.db, batch);
  };
  const { log, signal } = deps;
  const loop = runLoop({ name: "api-key-use", log, signal, intervalMs: FLUSH_INTERVAL_MS }, flush);
  return {
    add(apiKeyId) {
      if (used.size < LIMIT) used.set(apiKeyId, deps.now());
    },
    async close() {
      await loop.close();
      await flush();
    },
  };
}

import { Redis as RedisClient } from "ioredis";
import { AppError } from "../../kernel/errors.js";
import type { Logger } from "../../kernel/logger.js";
import { openMemoryRedis } from "./memory/open.js";

/** A connection to shared memory: the real server, or the in-process twin that `memory:` opens. */
export type Redis = RedisClient;

const MEMORY_SCHEME = "memory:";
/** Longest pause between two attempts to reconnect. */
const RECONNECT_CAP_MS = 2000;

/**
 * Opens a connection that reconnects for ever. Commands never hang: each fails after 3 s, or as soon as two attempts to
 * reconnect have failed. Close it with `quit()` (pending replies first) or `disconnect()` (at once).
 * @param url `redis://[user:password@]host:port/db`, `rediss://…`, or `memory:[name]`; every `memory:` connection of one
 *   name shares one store and its pub/sub within this process
 * @throws AppError `config` when the URL is none of these; the URL itself is not repeated, it may hold a password
 */
export function openRedis(url: string, log: Logger): Redis {
  if (url.startsWith(MEMORY_SCHEME)) return openMemoryRedis(url.slice(MEMORY_SCHEME.length), log);
  if (!/^rediss?:\/\/./.test(url)) {
    throw new AppError("config", "redis.url must begin with redis://, rediss:// or memory:", {
      code: "CFG001",
      fix: "set REDIS_URL to redis://:password@host:6379/0",
    });
  }
  const redis = new RedisClient(url, {
    connectTimeout: 5000,
    // The library keeps a timer of that length after `disconnect`, and the process with it.
    disconnectTimeout: 250,
    commandTimeout: 3000,
    maxRetriesPerRequest: 2,
    // Commands of one turn of the event loop leave in one write: a system call costs more than most of them.
    enableAutoPipelining: true,
    keepAlive: 30_000,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt - 1, 10), RECONNECT_CAP_MS),
    // After a failover the old primary answers READONLY: reconnecting finds the new one, 2 sends the command again.
    reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
  });
  logOutages(redis, log);
  return redis;
}

/** Logs one line when a connection is lost and one when it is back, however many attempts lie between. */
export function logOutages(redis: Redis, log: Logger): void {
  let down = false;
  redis.on("error", (error: Error) => {
    if (!down) log.warn({ err: error }, "redis is unreachable");
    down = true;
  });
  redis.on("ready", () => {
    if (down) log.info("redis is reachable again");
    down = false;
  });
}

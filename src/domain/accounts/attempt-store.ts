import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { defineScript } from "../../infra/redis/script.js";
import { AppError } from "../../kernel/errors.js";

/** One attempt at something that must not be guessed. */
export interface Attempt {
  /** What is attempted; attempts at different things are counted apart. */
  readonly action: string;
  /** Who attempts it or on whom: a client address, a hotkey. */
  readonly key: string;
  /** Attempts within a minute. */
  readonly limit: number;
  readonly now: Date;
}

const WINDOW_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

/**
 * Counts an attempt before it is looked at, so that parallel guesses cannot pass together. Beyond the limit further ones are
 * refused for a minute, then two, up to an hour. Give an attempt that was right back with `forgive`.
 * @throws AppError `rate_limited` with `retry-after`, `unavailable` when attempts cannot be counted
 * @see protocol 01 §21.5
 */
export async function throttle(redis: Redis, attempt: Attempt): Promise<void> {
  const script = defineScript(redis, "attempt", 1);
  const numbers = [attempt.now.getTime(), attempt.limit, WINDOW_MS, LONGEST_WAIT_MS, redisTtlSeconds.attempts * 1000];
  const waitMs = Number(await orUnavailable(script([redisKeys.attempts(attempt.action, attempt.key)], numbers)));
  if (waitMs <= 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new AppError("rate_limited", `Too many attempts; try again in ${seconds} s.`, {
    headers: { "retry-after": String(seconds) },
  });
}

/** Takes one attempt back: only failures count. What was counted for others stays, so being right once opens no door. */
export async function forgive(redis: Redis, attempt: Pick<Attempt, "action" | "key">): Promise<void> {
  await orUnavailable(redis.hincrby(redisKeys.attempts(attempt.action, attempt.key), "count", -1));
}

async function orUnavailable<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (cause) {
    throw new AppError("unavailable", "Attempts cannot be counted right now; try again.", { cause });
  }
}

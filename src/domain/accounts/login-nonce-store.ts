import { randomUUID } from "node:crypto";
import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { AppError } from "../../kernel/errors.js";
import { isUuid } from "../../wire/ids.js";

/** A fresh nonce for one login, and how long it lives. @throws AppError `unavailable` @see protocol 01 §5.3 */
export async function newLoginNonce(redis: Redis): Promise<{ nonce: string; expiresInSeconds: number }> {
  const nonce = randomUUID();
  const expiresInSeconds = redisTtlSeconds.loginNonce;
  await orUnavailable(redis.set(redisKeys.loginNonce(nonce), "1", "EX", expiresInSeconds));
  return { nonce, expiresInSeconds };
}

/**
 * Uses a nonce up, whatever becomes of the login: of two presentations one is the first.
 * @returns false for a nonce that was never issued, has expired or was used
 * @throws AppError `unavailable`
 */
export async function useLoginNonce(redis: Redis, nonce: string): Promise<boolean> {
  return isUuid(nonce) && (await orUnavailable(redis.del(redisKeys.loginNonce(nonce)))) === 1;
}

async function orUnavailable<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (cause) {
    throw new AppError("unavailable", "Logging in is not possible right now; try again.", { cause });
  }
}

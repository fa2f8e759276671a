import { randomUUID } from "node:crypto";
import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { isUuid } from "../../wire/ids.js";

/** A token that lets one account register within 300 s, on platforms that ask for one. @see protocol 01 §6.3 */
export async function issueRegistrationToken(redis: Redis): Promise<{ token: string; expiresInSeconds: number }> {
  const token = randomUUID();
  const expiresInSeconds = redisTtlSeconds.registrationToken;
  await redis.set(redisKeys.registrationToken(token), "1", "EX", expiresInSeconds);
  return { token, expiresInSeconds };
}

/** Takes a token, so that nobody else can use it. @returns milliseconds it had left; undefined when it is not valid */
export async function takeRegistrationToken(redis: Redis, token: string): Promise<number | undefined> {
  if (!isUuid(token)) return undefined;
  const key = redisKeys.registrationToken(token);
  const replies = await redis.multi().pttl(key).del(key).exec();
  const [leftMs, deleted] = (replies ?? []).map(([, reply]) => Number(reply));
  return deleted === 1 && leftMs !== undefined && leftMs > 0 ? leftMs : undefined;
}

/** Gives a token back whose registration failed. */
export async function returnRegistrationToken(redis: Redis, token: string, leftMs: number): Promise<void> {
  await redis.set(redisKeys.registrationToken(token), "1", "PX", leftMs);
}

import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";

/**
 * Counts a sign-up from an address before it happens, so that parallel ones cannot pass together. Give it back with
 * `returnSignup` when the registration fails.
 * @returns sign-ups of the last 24 h, this one included
 * @see protocol 01 §6.3
 */
export async function takeSignup(redis: Redis, clientAddress: string): Promise<number> {
  const key = redisKeys.signups(clientAddress);
  const replies = await redis.multi().set(key, "0", "EX", redisTtlSeconds.signups, "NX").incr(key).exec();
  const [error, count] = replies?.[1] ?? [new Error("redis discarded a transaction"), 0];
  if (error !== null) throw error;
  return Number(count);
}

/** Undoes `takeSignup`. */
export async function returnSignup(redis: Redis, clientAddress: string): Promise<void> {
  const key = redisKeys.signups(clientAddress);
  // The counter may have expired since: what decr then makes must expire too.
  await redis.multi().decr(key).expire(key, redisTtlSeconds.signups).exec();
}

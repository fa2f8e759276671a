import type { Redis } from "../../infra/redis/client.js";
import { redisKeys } from "../../infra/redis/keys.js";

/** How many instances of a chute are wanted, or undefined when nobody said. @see protocol 05 §6.8 */
export async function scaleTarget(redis: Redis, chuteId: string): Promise<number | undefined> {
  const text = await redis.get(redisKeys.scaleTarget(chuteId));
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

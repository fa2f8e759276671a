import type { Redis } from "../../infra/redis/client.js";
import { redisKeys } from "../../infra/redis/keys.js";

/** Shows other processes at once that a chute is disabled, or not any more. @see protocol 03 §10.1 */
export async function markDisabled(redis: Redis, chuteId: string, isDisabled: boolean): Promise<void> {
  const key = redisKeys.chuteDisabled(chuteId);
  await (isDisabled ? redis.set(key, "1") : redis.del(key));
}

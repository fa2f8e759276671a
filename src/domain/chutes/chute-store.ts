import type { Redis } from "../../infra/redis/client.js";
import { redisKeys } from "../../infra/redis/keys.js";

/** Clears what shared memory holds of a deleted chute. @see protocol 03 §10.2 */
export async function forgetChute(redis: Redis, chuteId: string): Promise<void> {
  await redis.del(redisKeys.scaleTarget(chuteId), redisKeys.chuteDisabled(chuteId));
}

import type { Redis } from "../../infra/redis/client.js";
import { redisKeys } from "../../infra/redis/keys.js";

/** A chute with the instances that may be serving calls. */
export interface ServingChute {
  readonly chuteId: string;
  readonly activeInstanceIds: readonly string[];
}

/** Calls that each chute is serving, by chute id; one round trip. Leases that ended do not count. */
export async function callsInFlight(
  redis: Redis,
  chutes: readonly ServingChute[],
  now: Date,
): Promise<Map<string, number>> {
  const pipeline = redis.pipeline();
  const asked: string[] = [];
  for (const { chuteId, activeInstanceIds } of chutes) {
    for (const instanceId of activeInstanceIds) {
      pipeline.zcount(redisKeys.connections(chuteId, instanceId), now.getTime(), "+inf");
      asked.push(chuteId);
    }
  }
  const counts = new Map<string, number>();
  const replies = asked.length === 0 ? [] : ((await pipeline.exec()) ?? []);
  for (const [index, chuteId] of asked.entries()) {
    counts.set(chuteId, (counts.get(chuteId) ?? 0) + Number(replies[index]?.[1] ?? 0));
  }
  return counts;
}

/** How many instances are wanted of chutes for which somebody said so, by chute id; one round trip. @see protocol 03 §12.2 */
export async function scaleTargets(redis: Redis, chuteIds: readonly string[]): Promise<Map<string, number>> {
  if (chuteIds.length === 0) return new Map();
  const texts = await redis.mget(chuteIds.map((chuteId) => redisKeys.scaleTarget(chuteId)));
  const known = chuteIds.map((chuteId, index) => [chuteId, texts[index] ?? ""] as const);
  return new Map(known.filter(([, text]) => /^\d{1,9}$/.test(text)).map(([chuteId, text]) => [chuteId, Number(text)]));
}

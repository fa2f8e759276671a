import type { Redis } from "../../infra/redis/client.js";
import { INVALIDATION_CHANNEL, type Invalidation } from "./outbox-repository.js";

/**
 * Tells every process what changed without waiting for the relay, whose own message follows. Call it after the commit. When
 * shared memory is away it does nothing: caches then live for seconds only. Never rejects.
 * @see protocol 01 §4.2
 */
export async function announceNow(redis: Redis, changes: readonly Invalidation[]): Promise<void> {
  const publish = async (change: Invalidation) => redis.publish(INVALIDATION_CHANNEL, JSON.stringify(change));
  await Promise.allSettled(changes.map(publish));
}

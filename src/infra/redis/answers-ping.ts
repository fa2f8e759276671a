import type { Redis } from "./client.js";

/** Whether shared memory is reachable. Never rejects; a connection's commands fail after 5 s at most. */
export async function answersPing(redis: Redis): Promise<boolean> {
  return redis.ping().then(
    () => true,
    () => false,
  );
}

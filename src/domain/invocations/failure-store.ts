import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { defineScript } from "../../infra/redis/script.js";

/** A failure that counts against an instance. */
export interface InstanceFailure {
  readonly instanceId: string;
  /** Unique for each failure. */
  readonly failureId: string;
  /** Failures in a row that disable an instance. */
  readonly limit: number;
}

/** What a failure led to. */
export interface FailureVerdict {
  readonly consecutive: number;
  /** Disables within the last hour, when this failure disabled the instance; else 0. */
  readonly disables: number;
  /** The instance shall be deleted, unless many are at once: see `mayDelete`. */
  readonly isPendingDeletion: boolean;
}

/** Disables within an hour that only cost time. */
const FORGIVEN_DISABLES = 5;
/** This many instances at once do not go bad: the platform's own network does. */
const OUTAGE_AT = 50;
const OUTAGE_DISABLE_SECONDS = 270;

/** How long a deletion waits, to see whether others fail at the same time. @see protocol 04 §7.4 */
export const DELETION_DELAY_MS = 45_000;

export interface FailureStore {
  /** Counts a failure; what it leads to is decided once, however many processes count. @see protocol 04 §7.4 */
  record(failure: InstanceFailure, now: Date): Promise<FailureVerdict>;
  /** Whether a pending deletion may happen. When it looks like an outage of ours, the instance is disabled for longer instead. */
  mayDelete(instanceId: string, now: Date): Promise<boolean>;
}

/** Failures in a row of instances, and what follows from them. */
export function openFailureStore(redis: Redis): FailureStore {
  const record = defineScript(redis, "record-failure", 5);
  return {
    async record({ instanceId, failureId, limit }, now) {
      const keys = [
        redisKeys.consecutiveFailures(instanceId),
        redisKeys.instanceDisabled(instanceId),
        redisKeys.instanceDisables(instanceId),
        redisKeys.pendingDeletion(instanceId),
        redisKeys.pendingDeletions,
      ];
      const { instanceDisabled, instanceDisables, pendingDeletion } = redisTtlSeconds;
      const limits = [limit, instanceDisabled, FORGIVEN_DISABLES, instanceDisables * 1000];
      const answer = await record(keys, [now.getTime(), ...limits, failureId, pendingDeletion, instanceId]);
      const [consecutive, disables, isPending] = answer as [number, number, number];
      return { consecutive, disables, isPendingDeletion: isPending === 1 };
    },
    async mayDelete(instanceId, now) {
      const pending = await redis.zcount(redisKeys.pendingDeletions, now.getTime(), "+inf");
      if (pending < OUTAGE_AT) return true;
      await redis.set(redisKeys.instanceDisabled(instanceId), "1", "EX", OUTAGE_DISABLE_SECONDS);
      return false;
    },
  };
}

import { targetsOf } from "../../../domain/instances/instance-repository.js";
import { INVALIDATION_CHANNEL, type Invalidation } from "../../../domain/outbox/outbox-repository.js";
import { subscribe } from "../../../infra/redis/pubsub.js";
import type { Running } from "../../../kernel/lifecycle.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";

/** Instances that may be called, from memory. */
export interface InstanceSets extends Running {
  /** Active and verified instances of a chute; possibly none. */
  of(chuteId: string): Promise<readonly InstanceTarget[]>;
  /** Forgets a chute's set at once; other processes hear of the change through the channel. */
  drop(chuteId: string): void;
}

const TTL_MS = 30_000;
const NEGATIVE_TTL_MS = 5000;
const MOST_CHUTES = 5000;

/** Sets live 30 s at most, and go when a change is announced. @see protocol 04 §5.1 */
export async function openInstanceSets(
  deps: Pick<ApiDeps, "db" | "redis" | "log" | "signal" | "now">,
): Promise<InstanceSets> {
  const cache = new ExpiringCache<readonly InstanceTarget[]>({
    load: async (chuteId) => {
      const targets = await targetsOf(deps.db, chuteId);
      return targets.length === 0 ? undefined : targets;
    },
    now: deps.now,
    limit: MOST_CHUTES,
    ttlMs: TTL_MS,
    negativeTtlMs: NEGATIVE_TTL_MS,
  });
  const subscription = await subscribe(deps, INVALIDATION_CHANNEL, (payload) => {
    const { kind, id } = payload as Invalidation;
    if (kind === "instances") cache.drop(id);
  });
  return {
    of: async (chuteId) => (await cache.get(chuteId)) ?? [],
    drop: (chuteId) => cache.drop(chuteId),
    close: () => subscription.close(),
  };
}

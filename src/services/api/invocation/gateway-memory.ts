import { targetsOf } from "../../../domain/instances/instance-repository.js";
import type { CallerRules } from "../../../domain/invocations/admission.js";
import { callerRules } from "../../../domain/invocations/caller-rules-repository.js";
import { INVALIDATION_CHANNEL, type Invalidation } from "../../../domain/outbox/outbox-repository.js";
import { subscribe } from "../../../infra/redis/pubsub.js";
import type { Running } from "../../../kernel/lifecycle.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";

/** What the gateway knows without asking the database. */
export interface GatewayMemory extends Running {
  /** Active and verified instances of a chute; possibly none. */
  instancesOf(chuteId: string): Promise<readonly InstanceTarget[]>;
  /** Quotas and limits of a user. */
  rulesOf(userId: string): Promise<CallerRules>;
  /** Forgets a chute's instances at once; other processes hear of the change through the channel. */
  dropInstances(chuteId: string): void;
}

const TTL_MS = 30_000;
const NEGATIVE_TTL_MS = 5000;
const MOST_CHUTES = 5000;
const MOST_CALLERS = 20_000;
const NO_RULES: CallerRules = { quotas: new Map(), rateLimits: new Map() };

/** Entries live 30 s at most, and go when a change is announced. @see protocol 04 §5.1, §18.2 */
export async function openGatewayMemory(
  deps: Pick<ApiDeps, "db" | "redis" | "log" | "signal" | "now">,
): Promise<GatewayMemory> {
  const { db, now } = deps;
  const lifetimes = { now, ttlMs: TTL_MS, negativeTtlMs: NEGATIVE_TTL_MS };
  const instances = new ExpiringCache<readonly InstanceTarget[]>({
    ...lifetimes,
    limit: MOST_CHUTES,
    load: async (chuteId) => unlessEmpty(await targetsOf(db, chuteId)),
  });
  const rules = new ExpiringCache<CallerRules>({
    ...lifetimes,
    limit: MOST_CALLERS,
    load: (userId) => callerRules(db, userId),
  });
  const subscription = await subscribe(deps, INVALIDATION_CHANNEL, (payload) => {
    const { kind, id } = payload as Invalidation;
    if (kind === "instances") instances.drop(id);
    if (kind === "account") rules.drop(id);
  });
  return {
    instancesOf: async (chuteId) => (await instances.get(chuteId)) ?? [],
    rulesOf: async (userId) => (await rules.get(userId)) ?? NO_RULES,
    dropInstances: (chuteId) => instances.drop(chuteId),
    close: () => subscription.close(),
  };
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

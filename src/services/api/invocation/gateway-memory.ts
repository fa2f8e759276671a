import type { PriceOverride } from "../../../domain/billing/price.js";
import { globalPriceOverrides } from "../../../domain/billing/price-override-repository.js";
import { listRollingUpdates } from "../../../domain/chutes/chute-list-repository.js";
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
  /** Quotas, limits and prices of a user. */
  rulesOf(userId: string): Promise<CallerRules>;
  /** Prices of a chute that were set for everybody. */
  globalPriceOf(chuteId: string): Promise<PriceOverride | undefined>;
  /** Whether a chute's instances are being replaced; at most 5 s old. */
  isUpdating(chuteId: string): Promise<boolean>;
  /** Forgets a chute's instances at once; other processes hear of the change through the channel. */
  dropInstances(chuteId: string): void;
}

const TTL_MS = 30_000;
const NEGATIVE_TTL_MS = 5000;
const UPDATES_TTL_MS = 5000;
const MOST_UPDATES = 10_000;
const MOST_CHUTES = 5000;
const MOST_CALLERS = 20_000;
const NO_RULES: CallerRules = {
  quotas: new Map(),
  rateLimits: new Map(),
  discounts: new Map(),
  priceOverrides: new Map(),
};

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
  // One short list, so that thousands of calls to cold chutes cost one statement.
  const updating = new ExpiringCache<ReadonlySet<string>>({
    now,
    limit: 1,
    ttlMs: UPDATES_TTL_MS,
    negativeTtlMs: UPDATES_TTL_MS,
    load: async () => new Set((await listRollingUpdates(db, MOST_UPDATES)).map(({ chuteId }) => chuteId)),
  });
  const prices = new ExpiringCache<PriceOverride>({
    ...lifetimes,
    limit: MOST_CHUTES,
    // Most chutes have none, which is an answer like any other.
    negativeTtlMs: TTL_MS,
    load: async (chuteId) => (await globalPriceOverrides(db, [chuteId])).get(chuteId),
  });
  const subscription = await subscribe(deps, INVALIDATION_CHANNEL, (payload) => {
    const { kind, id } = payload as Invalidation;
    if (kind === "instances") instances.drop(id);
    if (kind === "account") rules.drop(id);
    if (kind === "chute") prices.drop(id);
    if (kind === "chute") updating.drop("");
  });
  return {
    instancesOf: async (chuteId) => (await instances.get(chuteId)) ?? [],
    rulesOf: async (userId) => (await rules.get(userId)) ?? NO_RULES,
    isUpdating: async (chuteId) => (await updating.get(""))?.has(chuteId) ?? false,
    globalPriceOf: (chuteId) => prices.get(chuteId),
    dropInstances: (chuteId) => instances.drop(chuteId),
    close: () => subscription.close(),
  };
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

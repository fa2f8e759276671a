import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { type Bounty, raisesMultiplier } from "../../../domain/bounties/bounty.js";
import { bountiesOf } from "../../../domain/bounties/bounty-store.js";
import { concurrencyOf, isPrivate } from "../../../domain/chutes/chute.js";
import { effectiveMultiplier } from "../../../domain/chutes/multiplier.js";
import { selectorFacts } from "../../../domain/chutes/pricing.js";
import { type ChuteUse, targetCount, UNUSED, useMembers } from "../../../domain/chutes/utilization.js";
import { type ChuteCapacity, chuteCapacities, recentUse } from "../../../domain/chutes/utilization-repository.js";
import { callsInFlight, scaleTargets } from "../../../domain/chutes/utilization-store.js";
import { offsetIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { MASKED_NAME } from "../visible-chute.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "gpuTable">;

const MOST_CHUTES = 10_000;
/** Miners ask every 15 s, all of them the same. */
const ANSWER_TTL_MS = 10_000;
/** Summing an hour of calls is the dear part, and changes little in a minute. */
const USE_TTL_MS = 60_000;

const Ratio = Type.Number();
const Count = Type.Integer();
const windows = <Schema extends typeof Ratio | typeof Count>(name: string, schema: Schema) =>
  Object.fromEntries(["5m", "15m", "1h"].map((window) => [`${name}_${window}`, schema]));

const UtilizationObject = Type.Object({
  chute_id: Type.String(),
  name: Type.String(),
  timestamp: Type.String(),
  utilization_current: Ratio,
  ...windows("utilization", Ratio),
  ...windows("rate_limit_ratio", Ratio),
  ...windows("total_requests", Count),
  ...windows("completed_requests", Count),
  ...windows("rate_limited_requests", Count),
  instance_count: Count,
  action_taken: Type.String(),
  target_count: Count,
  update_in_progress: Type.Boolean(),
  total_instance_count: Count,
  active_instance_count: Count,
  effective_multiplier: Type.Number(),
  scalable: Type.Boolean(),
  scale_allowance: Count,
  avg_busy_ratio: Ratio,
  total_invocations: Count,
  total_rate_limit_errors: Count,
});

/** How busy every chute is, and how many instances of it are wanted. @see protocol 03 §9.5 */
export const utilizationRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now } = deps;
  const use = new ExpiringCache<ReadonlyMap<string, ChuteUse>>({
    load: () => recentUse(db, now()),
    now,
    limit: 1,
    ttlMs: USE_TTL_MS,
    negativeTtlMs: USE_TTL_MS,
  });
  const answer = new ExpiringCache<Buffer>({
    load: async () => Buffer.from(JSON.stringify(await utilization(deps, (await use.get("")) ?? new Map()))),
    now,
    limit: 1,
    ttlMs: ANSWER_TTL_MS,
    negativeTtlMs: ANSWER_TTL_MS,
  });
  const schema = { response: { 200: Type.Array(UtilizationObject) } };
  app.get("/chutes/utilization", { schema }, async (_request, reply) =>
    reply
      .header("cache-control", "public, max-age=10")
      .type("application/json; charset=utf-8")
      .send((await answer.get("")) as never),
  );
};

/** The busiest of the past hour first. */
async function utilization(deps: Deps, use: ReadonlyMap<string, ChuteUse>) {
  const { db, redis, now } = deps;
  const at = now();
  const chutes = await chuteCapacities(db, MOST_CHUTES);
  const ids = chutes.map(({ chuteId }) => chuteId);
  const [targets, bounties, inFlight] = await Promise.all([
    scaleTargets(redis, ids),
    bountiesOf(redis, ids, at),
    callsInFlight(redis, chutes, at),
  ]);
  return chutes
    .map((chute) => {
      const { chuteId } = chute;
      return utilizationObject(deps, chute, {
        at,
        scaleTarget: targets.get(chuteId),
        bounty: bounties.get(chuteId),
        inFlight: inFlight.get(chuteId) ?? 0,
        use: use.get(chuteId) ?? UNUSED,
      });
    })
    .sort((a, b) => b.total_invocations - a.total_invocations);
}

interface Seen {
  readonly at: Date;
  readonly scaleTarget: number | undefined;
  readonly bounty: Bounty | undefined;
  readonly inFlight: number;
  readonly use: ChuteUse;
}

function utilizationObject(deps: Deps, chute: ChuteCapacity, seen: Seen) {
  const hasPrivateBilling = isPrivate(chute, deps.config.platformUsername);
  const { totalInstances } = chute;
  const activeInstances = chute.activeInstanceIds.length;
  const load = { ...seen, totalInstances, activeInstances, concurrency: concurrencyOf(chute) };
  const members = useMembers(load);
  const target = targetCount({
    scaleTarget: seen.scaleTarget,
    isPrivate: hasPrivateBilling,
    isDisabled: chute.disabled,
    hasBounty: seen.bounty !== undefined,
    activeInstances,
  });
  return {
    chute_id: chute.chuteId,
    name: hasPrivateBilling ? MASKED_NAME : chute.name,
    timestamp: offsetIso(seen.at),
    ...members,
    instance_count: totalInstances,
    action_taken: actionOf(chute, activeInstances, target),
    target_count: target,
    update_in_progress: chute.isUpdating,
    total_instance_count: totalInstances,
    active_instance_count: activeInstances,
    effective_multiplier: multiplierOf(deps, chute, seen),
    scalable: activeInstances < target,
    scale_allowance: Math.max(0, target - activeInstances),
    avg_busy_ratio: members["utilization_1h"] ?? 0,
    total_invocations: members["total_requests_1h"] ?? 0,
    total_rate_limit_errors: members["rate_limited_requests_1h"] ?? 0,
  };
}

/** @see protocol 03 §12.2 */
function actionOf({ isUpdating }: ChuteCapacity, activeInstances: number, target: number): string {
  if (isUpdating) return "skipped_rolling_update";
  return activeInstances < target ? "scale_up_candidate" : "no_action";
}

function multiplierOf({ config, gpuTable }: Deps, chute: ChuteCapacity, { bounty }: Seen): number {
  return effectiveMultiplier({
    ...chute,
    rules: config.instances,
    base: selectorFacts(gpuTable, chute.nodeSelector).computeMultiplier,
    isPrivate: isPrivate(chute, config.platformUsername),
    bountyBoost: raisesMultiplier(config.bounties) ? bounty?.boost : undefined,
  }).effective;
}

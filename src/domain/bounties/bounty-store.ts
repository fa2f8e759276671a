import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { publish } from "../../infra/redis/pubsub.js";
import { defineScript } from "../../infra/redis/script.js";
import { takeIfPresent } from "../../infra/redis/take-if-present.js";
import { bountyChange } from "../../wire/events.js";
import { type Bounty, type BountyRules, bountyAt, raisesMultiplier } from "./bounty.js";

/** Longest listing of open bounties. */
const LIST_LIMIT = 5000;

/** The moment somebody wanted a chute that has no active instance. */
export interface BountyRequest {
  readonly chuteId: string;
  readonly isPrivate: boolean;
  readonly rules: BountyRules;
  readonly now: Date;
}

/**
 * Opens a bounty unless there is one. Of all callers within a 30 s window exactly one is told to notify miners; see
 * `offerBounty`, which does.
 * @returns undefined when none is to be had: the chute is disabled, or its last bounty is too recent
 * @see protocol 03 §11.1
 */
export async function requestBounty(
  redis: Redis,
  { chuteId, isPrivate, rules, now }: BountyRequest,
): Promise<(Bounty & { readonly notify: boolean }) | undefined> {
  const { bounties, bounty, bountyCooldown, bountyNotification, chuteDisabled } = redisKeys;
  const record = JSON.stringify({ created_at: now.getTime() / 1000, chute_id: chuteId });
  const lifetime = isPrivate ? rules.privateLifetimeSeconds : rules.publicLifetimeSeconds;
  const keys = [
    bounty(chuteId),
    bounties,
    bountyCooldown(chuteId),
    bountyNotification(chuteId, now),
    chuteDisabled(chuteId),
  ];
  const args = [record, lifetime, now.getTime(), chuteId, cooldownOf(rules), redisTtlSeconds.bountyNotification];
  const answer = await defineScript(redis, "offer-bounty", keys.length)(keys, args);
  if (!Array.isArray(answer)) return undefined;
  const [offered, tells] = answer;
  return { ...toBounty(String(offered), now), notify: tells === 1 };
}

/**
 * Opens a bounty unless there is one, and tells miners and dashboards of it at most once per 30 s window. Callers leave
 * chutes alone whose instances are being replaced.
 * @see protocol 03 §11.1, §15
 */
export async function offerBounty(redis: Redis, request: BountyRequest): Promise<Bounty | undefined> {
  const answer = await requestBounty(redis, request);
  if (answer === undefined) return undefined;
  const { notify, ...bounty } = answer;
  if (notify) {
    const { chuteId, rules } = request;
    const boost = raisesMultiplier(rules) ? { bountyBoost: bounty.boost } : {};
    const events = bountyChange({ chuteId, bountyUnits: bounty.amount, ...boost });
    await Promise.all(events.map(({ channel, payload }) => publish(redis, channel, payload)));
  }
  return bounty;
}

/**
 * Takes the bounty: of concurrent claimants exactly one gets it. Undefined when there is none.
 * @see protocol 03 §11.4
 */
export async function claimBounty(redis: Redis, chuteId: string, now: Date): Promise<Bounty | undefined> {
  const record = await takeIfPresent(redis)({
    key: redisKeys.bounty(chuteId),
    index: redisKeys.bounties,
    member: chuteId,
  });
  return record === undefined ? undefined : toBounty(record, now);
}

/** An instance that is about to serve. */
export interface ActivationClaim {
  readonly chuteId: string;
  /** Names the attempt for a day: whoever repeats it gets the same answer. */
  readonly attemptId: string;
  readonly rules: BountyRules;
  readonly now: Date;
}

/**
 * Takes the bounty for an activation, valued at the moment of the first try, and starts the cooldown. Undefined when there
 * was none.
 * @see protocol 03 §11.4
 */
export async function claimForActivation(redis: Redis, claim: ActivationClaim): Promise<Bounty | undefined> {
  const { chuteId, attemptId, rules, now } = claim;
  const { bounties, bounty, bountyCooldown, bountyClaim } = redisKeys;
  const keys = [bounty(chuteId), bounties, bountyCooldown(chuteId), bountyClaim(attemptId)];
  const args = [chuteId, now.getTime(), cooldownOf(rules), redisTtlSeconds.bountyClaim];
  const outcome = await defineScript(redis, "claim-bounty", keys.length)(keys, args);
  if (typeof outcome !== "string" || outcome === "") return undefined;
  const [claimedAtMs = "", ...record] = outcome.split("\n");
  return toBounty(record.join("\n"), new Date(Number(claimedAtMs)));
}

/** The open bounty of a chute. */
export async function bountyOf(redis: Redis, chuteId: string, now: Date): Promise<Bounty | undefined> {
  return (await bountiesOf(redis, [chuteId], now)).get(chuteId);
}

/** The open bounties among some chutes, by chute id; one round trip. */
export async function bountiesOf(redis: Redis, chuteIds: readonly string[], now: Date): Promise<Map<string, Bounty>> {
  if (chuteIds.length === 0) return new Map();
  const records = await redis.mget(chuteIds.map((chuteId) => redisKeys.bounty(chuteId)));
  const open = records.filter((record) => record !== null).map((record) => toBounty(record, now));
  return new Map(open.map((bounty) => [bounty.chuteId, bounty]));
}

/** An open bounty and how long it will stay. */
export interface OpenBounty extends Bounty {
  readonly secondsRemaining: number;
}

/** Open bounties, oldest first, at most 5000. Index entries whose bounty has expired are cleared away. @see protocol 03 §11.5 */
export async function listBounties(redis: Redis, now: Date): Promise<OpenBounty[]> {
  const chuteIds = await redis.zrange(redisKeys.bounties, 0, LIST_LIMIT - 1);
  const open = await bountiesOf(redis, chuteIds, now);
  const expired = chuteIds.filter((chuteId) => !open.has(chuteId));
  if (expired.length > 0) await redis.zrem(redisKeys.bounties, ...expired);
  const pipeline = redis.pipeline();
  for (const chuteId of open.keys()) pipeline.ttl(redisKeys.bounty(chuteId));
  const lifetimes = await pipeline.exec();
  return [...open.values()]
    .map((bounty, index) => ({ ...bounty, secondsRemaining: Math.max(0, Number(valueAt(lifetimes, index) ?? 0)) }))
    .sort((a, b) => b.ageSeconds - a.ageSeconds);
}

/**
 * Ends the bounty without anybody getting it (the chute changed or went away). A changed chute may be wanted anew at once,
 * so the cooldown ends too.
 */
export async function dropBounty(redis: Redis, chuteId: string): Promise<void> {
  const { bounty, bounties, bountyCooldown } = redisKeys;
  await redis.multi().del(bounty(chuteId), bountyCooldown(chuteId)).zrem(bounties, chuteId).exec();
}

/** Only bounties that raise a multiplier have a pause between them. @see protocol 03 §11.1 */
function cooldownOf(rules: BountyRules): number {
  return raisesMultiplier(rules) ? rules.cooldownSeconds : 0;
}

type Replies = [error: Error | null, result: unknown][] | null;

/** @throws Error of the command itself */
function valueAt(replies: Replies, index: number): unknown {
  const [error, value] = replies?.[index] ?? [new Error("redis discarded a transaction"), undefined];
  if (error !== null) throw error;
  return value;
}

function toBounty(record: string, now: Date): Bounty {
  const { chute_id: chuteId, created_at: createdAt } = JSON.parse(record) as { chute_id: string; created_at: number };
  return bountyAt({ chuteId, createdAt: new Date(createdAt * 1000) }, now);
}

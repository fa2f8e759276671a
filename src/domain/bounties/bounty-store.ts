import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { publish } from "../../infra/redis/pubsub.js";
import { takeIfPresent } from "../../infra/redis/take-if-present.js";
import { bountyChange } from "../../wire/events.js";
import { type Bounty, bountyAt } from "./bounty.js";

/** Longest listing of open bounties. */
const LIST_LIMIT = 5000;

/** The moment somebody wanted a chute that has no active instance. */
export interface BountyRequest {
  readonly chuteId: string;
  readonly isPrivate: boolean;
  readonly now: Date;
}

/**
 * Opens a bounty unless there is one. Of all callers within a 30 s window exactly one is told to notify miners; see
 * `offerBounty`, which does.
 * @see protocol 03 §11.1
 */
export async function requestBounty(
  redis: Redis,
  { chuteId, isPrivate, now }: BountyRequest,
): Promise<Bounty & { readonly notify: boolean }> {
  const lifetime = isPrivate ? redisTtlSeconds.bountyOfPrivateChute : redisTtlSeconds.bounty;
  const record = JSON.stringify({ created_at: now.getTime() / 1000, chute_id: chuteId });
  const replies = await redis
    .multi()
    .set(redisKeys.bounty(chuteId), record, "EX", lifetime, "NX")
    .get(redisKeys.bounty(chuteId))
    .zadd(redisKeys.bounties, "NX", now.getTime(), chuteId)
    .set(redisKeys.bountyNotification(chuteId, now), "1", "EX", redisTtlSeconds.bountyNotification, "NX")
    .exec();
  return { ...toBounty(String(valueAt(replies, 1) ?? record), now), notify: valueAt(replies, 3) === "OK" };
}

/**
 * Opens a bounty unless there is one, and tells miners and dashboards of it at most once per 30 s window.
 * @see protocol 03 §11.1, §15
 */
export async function offerBounty(redis: Redis, request: BountyRequest): Promise<Bounty> {
  const { notify, ...bounty } = await requestBounty(redis, request);
  if (notify) {
    const events = bountyChange({ chuteId: request.chuteId, bountyUnits: bounty.amount });
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

/** Ends the bounty without anybody getting it (the chute changed or went away). */
export async function dropBounty(redis: Redis, chuteId: string): Promise<void> {
  await redis.multi().del(redisKeys.bounty(chuteId)).zrem(redisKeys.bounties, chuteId).exec();
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

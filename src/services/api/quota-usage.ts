import { quotasOf } from "../../domain/billing/entitlement-repository.js";
import { quotaScope } from "../../domain/invocations/admission.js";
import { redisKeys } from "../../infra/redis/keys.js";
import { AppError } from "../../kernel/errors.js";
import type { ApiDeps } from "./deps.js";

/** A quota of a user with what was used of it on the running UTC day. */
export interface QuotaUsage {
  readonly chute_id: string;
  readonly quota: number;
  readonly used: number;
}

/** Stored quotas of users with their usage, by user id; two look-ups, however many users. @see protocol 01 §8 */
export async function quotaUsages(
  { db, redis, now }: Pick<ApiDeps, "db" | "redis" | "now">,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, QuotaUsage[]>> {
  const quotas = await quotasOf(db, userIds);
  const all = [...quotas].flatMap(([userId, list]) => list.map((quota) => ({ userId, ...quota })));
  const used = await usedCalls(
    redis,
    all.map(({ userId, chuteId }) => redisKeys.quotaUsed(now(), userId, scopeOf(chuteId))),
  );
  const usages = new Map<string, QuotaUsage[]>();
  for (const [index, { userId, chuteId, quota }] of all.entries()) {
    const usage = { chute_id: chuteId, quota, used: used[index] ?? 0 };
    usages.set(userId, [...(usages.get(userId) ?? []), usage]);
  }
  return usages;
}

/** Calls that the counters at those keys hold. @throws AppError `unavailable` while shared memory is away */
export async function usedCalls(redis: ApiDeps["redis"], keys: readonly string[]): Promise<number[]> {
  if (keys.length === 0) return [];
  try {
    return (await redis.mget(...keys)).map((text) => Number(text ?? 0));
  } catch (cause) {
    throw new AppError("unavailable", "Usage cannot be read right now; try again.", { cause });
  }
}

function scopeOf(chuteId: string): string {
  return quotaScope(chuteId, { isOfChute: chuteId !== "*" });
}

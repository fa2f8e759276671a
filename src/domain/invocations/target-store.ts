import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { defineScript } from "../../infra/redis/script.js";

/** Who asks for an instance, and what they are allowed. Absent members are not asked about. */
export interface AdmissionRequest {
  readonly chuteId: string;
  readonly userId: string;
  readonly quota?: {
    /** Calls a day. */
    readonly limit: number;
    /** Chute id when the rule is about this chute alone. */
    readonly scope: string;
    /** Whether the caller pays for what exceeds the quota. */
    readonly isPaying: boolean;
  };
  readonly rateLimit?: { readonly scope: string; readonly limit: number; readonly windowSeconds: number };
}

/** Which instances may serve the call. */
export interface TargetRequest {
  readonly chuteId: string;
  /** Requests one instance takes at once. */
  readonly slots: number;
  readonly instanceIds: readonly string[];
  /** MD5 digests of the prompt's prefixes, longest first. */
  readonly prefixes: readonly string[];
  /** Names the slot; unique for each attempt. */
  readonly leaseId: string;
  /** In [0, 1). */
  readonly random: number;
}

/** What Redis decided. Counts are those before this call. */
export type Verdict =
  | ({ readonly kind: "chosen"; readonly index: number } & Admitted)
  | ({ readonly kind: "overload" | "open" } & Admitted)
  | { readonly kind: "maintenance" }
  | { readonly kind: "quota"; readonly quotaUsed: number }
  | { readonly kind: "rate"; readonly retryAfterMs: number };

interface Admitted {
  /** Mean connections of the candidates, rounded down. */
  readonly meanConnections: number;
  /** The call is within its quota, which a chosen instance has used up by one. */
  readonly isWithinQuota: boolean;
  readonly quotaUsed: number;
}

/** How an attempt went, as far as its slot is concerned. */
export interface FinishedAttempt {
  readonly chuteId: string;
  readonly instanceId: string;
  readonly leaseId: string;
  readonly isSuccess: boolean;
  /** Connections that the instance reported, this one not included. */
  readonly reportedConnections?: number;
  /** The report is the instance's refusal: it is exact. */
  readonly isReportExact?: boolean;
  /** Longest prefix digest of a prompt that this instance has now seen. */
  readonly prefix?: string;
  /** Names equal requests of one user. */
  readonly requestId?: string;
}

export interface TargetStore {
  /** Lets a call in (first attempt) and takes a slot of the instance that shall serve it. @see protocol 04 §3.4, §5.3, §5.4 */
  choose(request: { target?: TargetRequest; admission?: AdmissionRequest }, now: Date): Promise<Verdict>;
  /** Gives the slot back. @returns how often this user made this very request lately, this time included; 0 when not asked */
  finish(attempt: FinishedAttempt, now: Date): Promise<number>;
  /** Keeps slots for calls that are still running. */
  renew(slots: Iterable<Slot>, now: Date): Promise<void>;
  /** Changes what a user has used of a quota: minus one takes a reserved call back. */
  addQuota(admission: AdmissionRequest, amount: number, at: Date): Promise<void>;
}

/** One running call. */
export type Slot = Pick<FinishedAttempt, "chuteId" | "instanceId" | "leaseId">;

/** A slot whose process died is free again after this; living processes renew theirs each 30 s. @see protocol 04 §18.3 */
const LEASE_MS = 90_000;
/** How long an instance's own report stands in for connections that are not ours. */
const REPORT_MS = 30_000;
/** Calls on their way make reports and our own count differ a little. */
const REPORT_TOLERANCE = 2;

/** Connection slots, quotas and rate limits, each decision one script. */
export function openTargetStore(redis: Redis): TargetStore {
  const choose = defineScript(redis, "choose-target", 3);
  const finish = defineScript(redis, "finish-attempt", 6);
  return {
    async choose({ target, admission }, now) {
      const keys = admissionKeys(admission, now);
      const answer = await choose(keys, [...targetArguments(target, now), ...admissionArguments(admission)]);
      return toVerdict(answer as Answer);
    },
    async finish(attempt, now) {
      return Number(await finish(finishKeys(attempt), finishArguments(attempt, now)));
    },
    async renew(slots, now) {
      const pipeline = redis.pipeline();
      for (const { chuteId, instanceId, leaseId } of slots) {
        pipeline.zadd(redisKeys.connections(chuteId, instanceId), "XX", now.getTime() + LEASE_MS, leaseId);
      }
      await pipeline.exec();
    },
    async addQuota({ userId, quota }, amount, at) {
      if (quota === undefined) return;
      await redis.incrbyfloat(redisKeys.quotaUsed(at, userId, quota.scope), amount);
    },
  };
}

/** Connections of an instance, as target choice counts them. */
export function connectionsOf(redis: Redis, slot: Pick<Slot, "chuteId" | "instanceId">, now: Date): Promise<number> {
  return redis.zcount(redisKeys.connections(slot.chuteId, slot.instanceId), now.getTime(), "+inf");
}

function admissionKeys(admission: AdmissionRequest | undefined, now: Date): [string, string, string] {
  if (admission === undefined) return ["", "", ""];
  const { chuteId, userId, quota, rateLimit } = admission;
  return [
    redisKeys.modelDisabled(chuteId),
    quota === undefined ? "" : redisKeys.quotaUsed(now, userId, quota.scope),
    rateLimit === undefined ? "" : redisKeys.rateWindow(rateLimit.scope, userId),
  ];
}

function targetArguments(target: TargetRequest | undefined, now: Date): (string | number)[] {
  const at = now.getTime();
  if (target === undefined) return [at, at, "", 1, 0, "", "", "", ""];
  return [
    at,
    at + LEASE_MS,
    target.leaseId,
    target.slots,
    target.random,
    target.instanceIds.join(","),
    target.prefixes.map((md5) => redisKeys.promptPrefix(md5, "")).join(","),
    redisKeys.connections(target.chuteId, ""),
    redisKeys.instanceDisabled(""),
  ];
}

function admissionArguments(admission: AdmissionRequest | undefined): (string | number)[] {
  return [
    admission?.quota?.limit ?? -1,
    1,
    admission?.quota?.isPaying === true ? "1" : "0",
    admission?.rateLimit?.limit ?? 0,
    (admission?.rateLimit?.windowSeconds ?? 1) * 1000,
    redisTtlSeconds.connections,
    redisTtlSeconds.quotaUsed,
  ];
}

type Answer = [verdict: string, place: number, mean: number, within: string, used: string, waitMs: number];

function toVerdict([verdict, place, mean, within, used, waitMs]: Answer): Verdict {
  const quotaUsed = Number(used);
  switch (verdict) {
    case "maintenance":
      return { kind: "maintenance" };
    case "quota":
      return { kind: "quota", quotaUsed };
    case "rate":
      return { kind: "rate", retryAfterMs: waitMs };
    default: {
      const admitted = { meanConnections: mean, isWithinQuota: within === "1", quotaUsed };
      if (verdict === "chosen") return { kind: "chosen", index: place - 1, ...admitted };
      return { kind: verdict === "open" ? "open" : "overload", ...admitted };
    }
  }
}

function finishKeys({ chuteId, instanceId, prefix, requestId }: FinishedAttempt): string[] {
  return [
    redisKeys.connections(chuteId, instanceId),
    redisKeys.consecutiveFailures(instanceId),
    redisKeys.instanceDisabled(instanceId),
    redisKeys.instanceDisables(instanceId),
    prefix === undefined ? "" : redisKeys.promptPrefix(prefix, instanceId),
    requestId === undefined ? "" : redisKeys.userRequest(requestId),
  ];
}

function finishArguments(attempt: FinishedAttempt, now: Date): (string | number)[] {
  return [
    now.getTime(),
    attempt.leaseId,
    attempt.reportedConnections ?? -1,
    attempt.isReportExact === true ? 0 : REPORT_TOLERANCE,
    now.getTime() + REPORT_MS,
    attempt.isSuccess ? "1" : "0",
    redisTtlSeconds.promptPrefix,
    redisTtlSeconds.userRequest,
    redisTtlSeconds.connections,
  ];
}

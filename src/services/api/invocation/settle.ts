import { holds, PERMISSION } from "../../../domain/accounts/account.js";
import { raisesMultiplier } from "../../../domain/bounties/bounty.js";
import { claimBounty } from "../../../domain/bounties/bounty-store.js";
import { paysFromBalance } from "../../../domain/invocations/admission.js";
import type { movingAverages } from "../../../domain/invocations/averages-store.js";
import {
  type Averages,
  observeSteps,
  observeTokens,
  stepMetrics,
  tokenMetrics,
} from "../../../domain/invocations/measure.js";
import { settledLine } from "../../../domain/invocations/settled-attempt.js";
import type { TargetStore } from "../../../domain/invocations/target-store.js";
import { repeatRequestId } from "../../../wire/ids.js";
import type { InvocationMetrics } from "../../../wire/metrics.js";
import type { ApiDeps } from "../deps.js";
import type { Attempt, AttemptResult } from "./attempt.js";
import type { AttemptWriter } from "./attempt-writer.js";
import { type GatewayMetrics, observeAttempt } from "./gateway-metrics.js";
import { Pace } from "./pace.js";
import { openPricing, REROLL_MULTIPLIER } from "./pricing.js";
import type { Spending } from "./spending.js";

export interface SettleDeps extends Pick<ApiDeps, "config" | "redis" | "gpuTable" | "log" | "now"> {
  readonly targets: TargetStore;
  readonly averages: ReturnType<typeof movingAverages>;
  readonly writer: AttemptWriter;
  readonly spending: Spending;
  readonly metrics: GatewayMetrics;
}

type Settle = (attempt: Attempt, result: AttemptResult) => Promise<void>;

/** A slot may be held for this much longer than its call. */
const GATHER_MS = 5;
const MOST_REROLLS = 15;
const NO_AVERAGES: Averages = { secondsPerUnit: undefined, promptRate: undefined, outputRate: undefined };
const DEFAULT_SHUTDOWN_SECONDS = 300;

/**
 * Everything that follows an attempt and that its client does not wait for: the slot, the averages, the price, the row. A
 * fault in here is ours and never counts against the instance.
 * @see protocol 04 §9, §10, §11
 */
export function openSettlement(deps: SettleDeps): Settle {
  const priceOf = openPricing(deps);
  const pace = new Pace(GATHER_MS);
  return async (attempt, result) => {
    const completedAt = deps.now();
    await pace.next();
    const [repeats, averages, bounty] = await Promise.all([
      finishSlot(deps, attempt, result),
      result.failure === undefined ? average(deps, attempt, result) : NO_AVERAGES,
      result.failure === undefined ? takenBounty(deps, attempt) : 0,
    ]);
    const isReroll = repeats > 1 && repeats <= MOST_REROLLS;
    if (isReroll && attempt.isWithinQuota) await refundReroll(deps, attempt);
    const amountMicroUsd = result.failure === undefined ? priceOf({ attempt, result, isReroll }) : 0n;
    write(deps, { attempt, result, averages, bounty, amountMicroUsd, completedAt });
  };
}

async function finishSlot({ targets, log, now }: SettleDeps, attempt: Attempt, result: AttemptResult): Promise<number> {
  const { call, target, childId } = attempt;
  const isSuccess = result.failure === undefined;
  const isFull = result.failure?.label === "RATE_LIMIT";
  const reported = isFull ? (call.chute.concurrency ?? 1) : freshReport(result);
  const [prefix] = call.prepared.prefixes;
  const canReroll = isSuccess && !holds(call.caller, PERMISSION.invoiceBilling);
  const finished = {
    chuteId: call.chute.chuteId,
    instanceId: target.instanceId,
    leaseId: childId,
    isSuccess,
    isReportExact: isFull,
    ...(reported !== undefined && { reportedConnections: reported }),
    ...(isSuccess && prefix !== undefined && { prefix }),
    ...(canReroll && { requestId: requestIdOf(attempt) }),
  };
  return targets.finish(finished, now()).catch((error: unknown) => {
    log.warn({ err: error, instanceId: target.instanceId }, "a slot could not be given back; its lease will end");
    return 0;
  });
}

/** A report is as old as the answer's headers: that of a long stream says nothing about now. */
function freshReport({ reported, durationSeconds, tokens }: AttemptResult): number | undefined {
  const isStream = tokens?.ttftSeconds !== undefined && tokens.ttftSeconds !== null;
  if (reported.connections === undefined || (isStream && durationSeconds > 5)) return undefined;
  return Math.max(0, reported.connections - 1);
}

function requestIdOf({ call }: Attempt): string {
  return repeatRequestId({ userId: call.caller.userId, bodySha256: call.bodySha256, chuteId: call.chute.chuteId });
}

function average(deps: SettleDeps, { call }: Attempt, result: AttemptResult): Promise<Averages> | Averages {
  const { measuredBy, steps } = call.prepared;
  const { tokens, durationSeconds } = result;
  const { chuteId } = call.chute;
  if (measuredBy === "time" || (measuredBy === "tokens" && tokens === undefined)) return NO_AVERAGES;
  const seen = tokens === undefined ? observeSteps(steps, durationSeconds) : observeTokens(tokens, durationSeconds);
  const unit = measuredBy === "tokens" ? "spt" : "sps";
  return deps.averages({ chuteId, unit }, seen, deps.now()).catch((error: unknown) => {
    deps.log.warn({ err: error, chuteId }, "moving averages could not be read");
    return NO_AVERAGES;
  });
}

/** Compute units of the bounty that the first completed call of a chute takes. @see protocol 04 §5.6 */
async function takenBounty({ config, redis, now, log }: SettleDeps, { call }: Attempt): Promise<number> {
  if (raisesMultiplier(config.bounties)) return 0;
  const { chuteId } = call.chute;
  const bounty = await claimBounty(redis, chuteId, now()).catch((error: unknown) => {
    log.warn({ err: error, chuteId }, "a bounty could not be claimed");
    return undefined;
  });
  return bounty?.amount ?? 0;
}

async function refundReroll({ targets, log }: SettleDeps, { call }: Attempt): Promise<void> {
  await targets.addQuota(call.plan.request, REROLL_MULTIPLIER - 1, call.startedAt).catch((error: unknown) => {
    log.warn({ err: error }, "quota of a repeated request could not be refunded");
  });
}

interface Settled {
  readonly attempt: Attempt;
  readonly result: AttemptResult;
  readonly averages: Averages;
  readonly bounty: number;
  readonly amountMicroUsd: bigint;
  readonly completedAt: Date;
}

function write(deps: SettleDeps, settled: Settled): void {
  const { attempt, result, amountMicroUsd, completedAt } = settled;
  const { call, target } = attempt;
  const { chute, caller } = call;
  const isCharged = amountMicroUsd > 0n && paysFromBalance(caller);
  if (isCharged) deps.spending.add(caller, amountMicroUsd);
  const aliveSeconds = chute.shutdownAfterSeconds ?? DEFAULT_SHUTDOWN_SECONDS;
  const isKeptAlive = call.plan.isPrivateBilled && result.failure === undefined;
  const line = settledLine({
    invocationId: attempt.childId,
    parentInvocationId: call.parentId,
    chuteId: chute.chuteId,
    chuteUserId: chute.userId,
    functionName: call.prepared.cord.function,
    userId: caller.userId,
    imageId: chute.imageId,
    imageUserId: chute.imageUserId,
    instanceId: target.instanceId,
    minerUid: target.minerUid,
    minerHotkey: target.minerHotkey,
    startedAt: new Date(completedAt.getTime() - Math.round(result.durationSeconds * 1000)),
    completedAt,
    errorMessage: result.failure?.label ?? null,
    computeMultiplier: target.computeMultiplier,
    bounty: settled.bounty,
    metrics: result.failure === undefined ? metricsOf(settled, isCharged) : null,
    amountMicroUsd,
    isCharged,
    inputTokens: result.tokens?.input ?? 0,
    outputTokens: result.tokens?.output ?? 0,
    ...(isKeptAlive && { keepsAliveUntil: new Date(completedAt.getTime() + aliveSeconds * 1000) }),
  });
  deps.writer.push(line);
  observeAttempt(deps.metrics, settled);
}

const MICRO = 1_000_000;

function metricsOf({ attempt, result, averages, amountMicroUsd }: Settled, isCharged: boolean): InvocationMetrics {
  const { call, meanConnections } = attempt;
  const { tokens, durationSeconds, reported } = result;
  return {
    ...(tokens !== undefined &&
      tokenMetrics(tokens, durationSeconds, {
        load: { meanConnections, utilization: reported.utilization },
        averages,
      })),
    ...(call.prepared.measuredBy === "steps" && stepMetrics(call.prepared.steps, durationSeconds, averages)),
    ...(call.plan.isPrivateBilled && { p: true as const }),
    b: isCharged ? Number(amountMicroUsd) / MICRO : 0,
  };
}

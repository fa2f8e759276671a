import type { InvocationMetrics } from "../../wire/metrics.js";

/** One finished attempt: its row of the invocation log and what it costs. @see protocol 04 §11.1 */
export interface SettledAttempt {
  readonly invocationId: string;
  /** The caller's request, the same for all its attempts. */
  readonly parentInvocationId: string;
  readonly chuteId: string;
  readonly chuteUserId: string;
  readonly functionName: string;
  readonly userId: string;
  readonly imageId: string;
  readonly imageUserId: string;
  readonly instanceId: string;
  readonly minerUid: number;
  readonly minerHotkey: string;
  readonly startedAt: Date;
  readonly completedAt: Date;
  /** Null after a success. */
  readonly errorMessage: string | null;
  readonly computeMultiplier: number;
  /** Compute units of the bounty that this call took, where calls take them. @see protocol 04 §5.6 */
  readonly bounty?: number;
  readonly metrics: InvocationMetrics | null;
  /** Price of the call, 0 when it is free. */
  readonly amountMicroUsd: bigint;
  /** The caller's balance pays the price. */
  readonly isCharged: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Until when a private instance that served this call stays. */
  readonly keepsAliveUntil?: Date;
}

/**
 * One line of JSON: what waits in memory, in the spool file and in the statement that stores it.
 * Written at once for each attempt, so that storing a batch never holds up the event loop.
 */
export function settledLine(attempt: SettledAttempt): string {
  return JSON.stringify({
    invocation_id: attempt.invocationId,
    parent_invocation_id: attempt.parentInvocationId,
    chute_id: attempt.chuteId,
    chute_user_id: attempt.chuteUserId,
    function_name: attempt.functionName,
    user_id: attempt.userId,
    image_id: attempt.imageId,
    image_user_id: attempt.imageUserId,
    instance_id: attempt.instanceId,
    miner_uid: attempt.minerUid,
    miner_hotkey: attempt.minerHotkey,
    started_at: attempt.startedAt,
    completed_at: attempt.completedAt,
    error_message: storable(attempt.errorMessage),
    compute_multiplier: attempt.computeMultiplier,
    bounty: attempt.bounty,
    metrics: attempt.metrics,
    amount_micro_usd: String(attempt.amountMicroUsd),
    charged: attempt.isCharged,
    input_tokens: attempt.inputTokens,
    output_tokens: attempt.outputTokens,
    keeps_alive_until: attempt.keepsAliveUntil,
  });
}

/** The database refuses these in texts; instances write what they like. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");
}

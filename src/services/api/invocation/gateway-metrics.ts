import type { Counter, Gauge, Histogram } from "prom-client";
import type { Metrics } from "../../../kernel/metrics.js";
import type { Attempt, AttemptResult } from "./attempt.js";

/** Names that the autoscaler and dashboards query. @see protocol 04 §15 */
export interface GatewayMetrics {
  readonly meanConnections: Gauge;
  readonly concurrency: Gauge;
  readonly utilization: Gauge;
  readonly completed: Counter;
  readonly rateLimited: Counter;
  readonly tps: Gauge;
  readonly ttft: Gauge;
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly requests: Counter;
  readonly duration: Histogram;
  readonly usageUsd: Counter;
  readonly computeSeconds: Counter;
  readonly rejectedClaims: Counter;
}

const CHUTE = ["chute_id"];
const MINER = ["chute_id", "miner_hotkey"];
const ATTEMPT = ["chute_id", "error", "miner_hotkey"];
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** Registers the gateway's metrics, or finds them. */
export function gatewayMetrics(metrics: Metrics): GatewayMetrics {
  return {
    meanConnections: metrics.gauge("mean_connections", "Mean connections per instance of a chute", CHUTE),
    concurrency: metrics.gauge("concurrency", "Requests one instance of a chute takes at once", CHUTE),
    utilization: metrics.gauge("utilization", "Share of a chute's capacity in use", CHUTE),
    completed: metrics.counter("requests_completed_total", "Calls answered", CHUTE),
    rateLimited: metrics.counter("requests_rate_limited_total", "Calls refused because instances were full", CHUTE),
    tps: metrics.gauge("tps", "Output tokens per second of the last call", MINER),
    ttft: metrics.gauge("time_to_first_token_seconds", "Time to the first token of the last call", MINER),
    promptTokens: metrics.counter("prompt_tokens_total", "Prompt tokens", MINER),
    completionTokens: metrics.counter("completion_tokens_total", "Completion tokens", MINER),
    requests: metrics.counter("requests_total", "Attempts on instances", ATTEMPT),
    duration: metrics.histogram("duration", "Seconds of an attempt", { labels: ATTEMPT, buckets: BUCKETS }),
    usageUsd: metrics.counter("usage_usd_total", "Price of calls in USD, free ones not included", CHUTE),
    computeSeconds: metrics.counter("compute_seconds_total", "Seconds that instances worked", CHUTE),
    rejectedClaims: metrics.counter("token_claims_rejected_total", "Token counts too high to be believed", MINER),
  };
}

const MICRO = 1_000_000;

/** Counts a settled attempt. */
export function observeAttempt(
  metrics: GatewayMetrics,
  settled: { readonly attempt: Attempt; readonly result: AttemptResult; readonly amountMicroUsd: bigint },
): void {
  const { attempt, result, amountMicroUsd } = settled;
  const chute = { chute_id: attempt.call.chute.chuteId };
  const miner = { ...chute, miner_hotkey: attempt.target.minerHotkey };
  // Texts of failures are open-ended; their first word is not.
  const outcome = { ...miner, error: result.failure?.label.split(/[:\s]/, 1)[0] ?? "" };
  metrics.requests.inc(outcome);
  metrics.duration.observe(outcome, result.durationSeconds);
  metrics.computeSeconds.inc(chute, result.durationSeconds);
  metrics.usageUsd.inc(chute, Number(amountMicroUsd) / MICRO);
  const { tokens } = result;
  if (tokens === undefined) return;
  metrics.promptTokens.inc(miner, tokens.input);
  metrics.completionTokens.inc(miner, tokens.output);
  metrics.tps.set(miner, result.durationSeconds > 0 ? tokens.output / result.durationSeconds : 0);
  if (tokens.ttftSeconds !== null) metrics.ttft.set(miner, tokens.ttftSeconds);
  if (tokens.isClaimRejected) metrics.rejectedClaims.inc(miner);
}

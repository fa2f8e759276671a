import type { ComputeInterval, InstanceAudit, ScoreSheet, ScoringInputs } from "./inputs.js";
import { WINDOW_MS } from "./inputs.js";
import { bestPerColdkey, total } from "./shares.js";

const HOUR_MS = 3_600_000;
const FORGIVEN_REASONS: ReadonlySet<string> = new Set([
  "job has been terminated due to insufficient user balance",
  "user-defined/private chute instance has not been used since shutdown_after_seconds",
  "user has zero/negative balance (private chute)",
]);
const REPLACED_VERSION = "has an old version";

interface LifetimeSums {
  totalInstances: number;
  bountyScore: number;
  computeSeconds: number;
  computeUnits: number;
}

/** Scores by time-weighted compute units of the instances' lives. @see protocol 07 §3.5 */
export function scoreInstanceLifetime(inputs: ScoringInputs): ScoreSheet {
  const sums = sumLifetimes(inputs);
  const units = new Map([...sums].map(([hotkey, sum]) => [hotkey, sum.computeUnits]));
  const kept = inputs.oneHotkeyPerColdkey ? bestPerColdkey(units, inputs.metagraph) : new Set(units.keys());
  const positive = new Map([...kept].map((hotkey) => [hotkey, Math.max(0, units.get(hotkey) ?? 0)]));
  const sum = total(positive.values());
  const scores = [...positive].map(([hotkey, value]) => [hotkey, sum === 0 ? 1 / positive.size : value / sum] as const);
  return {
    raw: new Map([...sums].map(([hotkey, figures]) => [hotkey, wireFigures(figures)])),
    scores: new Map(scores),
  };
}

function sumLifetimes(inputs: ScoringInputs): Map<string, LifetimeSums> {
  const scoring = new Set(
    inputs.metagraph.filter((entry) => entry.uid >= 0 && !entry.blacklistReason).map((entry) => entry.hotkey),
  );
  const sums = new Map<string, LifetimeSums>();
  for (const instance of inputs.instances) {
    if (!scoring.has(instance.hotkey) || !isEligible(instance, inputs.asOf)) continue;
    addLifetime(sums, instance, inputs);
  }
  return sums;
}

function addLifetime(sums: Map<string, LifetimeSums>, instance: InstanceAudit, inputs: ScoringInputs): void {
  const at = inputs.asOf.getTime();
  const start = Math.max(instance.createdAt.getTime(), at - WINDOW_MS);
  const end = Math.min(instance.stopBillingAt?.getTime() ?? at, instance.deletedAt?.getTime() ?? at, at);
  if (end <= start) return;
  const sum = sums.get(instance.hotkey) ?? { totalInstances: 0, bountyScore: 0, computeSeconds: 0, computeUnits: 0 };
  sum.totalInstances += 1;
  sum.bountyScore += instance.bounty ? 1 : 0;
  const seconds = (end - start) / 1000;
  sum.computeSeconds += seconds;
  const weighted = weightedUnits(inputs.history.get(instance.instanceId) ?? [], { start, end, at });
  sum.computeUnits += weighted ?? seconds * (instance.computeMultiplier ?? 1);
  sums.set(instance.hotkey, sum);
}

/** Undefined when no interval touches the life, which then counts with the instance's own multiplier. */
function weightedUnits(
  intervals: readonly ComputeInterval[],
  life: { start: number; end: number; at: number },
): number | undefined {
  let units: number | undefined;
  for (const interval of intervals) {
    const started = interval.startedAt.getTime();
    const ended = interval.endedAt?.getTime() ?? life.at;
    if (started >= life.end || ended <= life.start) continue;
    const seconds = (Math.min(ended, life.end) - Math.max(started, life.start)) / 1000;
    units = (units ?? 0) + seconds * interval.computeMultiplier;
  }
  return units;
}

function isEligible(instance: InstanceAudit, asOf: Date): boolean {
  const activated = instance.activatedAt?.getTime();
  if (activated === undefined || activated > asOf.getTime()) return false;
  const deleted = instance.deletedAt?.getTime();
  if (deleted === undefined || deleted > asOf.getTime()) return true;
  if (deleted < asOf.getTime() - WINDOW_MS) return false;
  const reason = instance.deletionReason ?? "";
  return (
    (!instance.isBilled && deleted - activated >= HOUR_MS) ||
    instance.validTermination === true ||
    FORGIVEN_REASONS.has(reason) ||
    reason.includes(REPLACED_VERSION)
  );
}

function wireFigures(sums: LifetimeSums): Record<string, number> {
  return {
    total_instances: sums.totalInstances,
    bounty_score: sums.bountyScore,
    instance_seconds: sums.computeSeconds,
    instance_compute_units: sums.computeUnits,
  };
}

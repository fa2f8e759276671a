import type { InstanceAudit, InvocationSums, ScoreSheet, ScoringInputs } from "./inputs.js";
import { WINDOW_MS } from "./inputs.js";
import { invocationFigures } from "./invocations-2025-02.js";
import { SCORING_PROFILES } from "./profiles.js";
import { bestPerColdkey, divisorOf, medianOf, total } from "./shares.js";
import { uniqueChuteCounts } from "./unique-chutes.js";

const { weights } = SCORING_PROFILES["invocations-2025-10"];
const NEVER_RAN = "miner initialized";
const COMMON_EXPONENT = 1.3;
const RARE_EXPONENT = 2.2;

/** Three shares, a non-linear reward for breadth, billed instances on top. @see protocol 07 §3.3 */
export function scoreInvocations202510(inputs: ScoringInputs): ScoreSheet {
  const sums = addBilledInstances(registeredSums(inputs), inputs);
  const preScores = preScoresOf(sums);
  const kept = inputs.oneHotkeyPerColdkey ? bestPerColdkey(preScores, inputs.metagraph) : new Set(preScores.keys());
  const divisor = divisorOf(total([...kept].map((hotkey) => preScores.get(hotkey) ?? 0)));
  const scores = [...preScores]
    .filter(([hotkey, score]) => kept.has(hotkey) && score > 0)
    .map(([hotkey, score]): [string, number] => [hotkey, score / divisor]);
  return { raw: new Map([...sums].map(([hotkey, sum]) => [hotkey, invocationFigures(sum)])), scores: new Map(scores) };
}

function registeredSums(inputs: ScoringInputs): Map<string, InvocationSums> {
  const registered = new Set(inputs.metagraph.filter((entry) => entry.uid >= 0).map((entry) => entry.hotkey));
  const unique = uniqueChuteCounts(inputs);
  const sums = new Map<string, InvocationSums>();
  for (const [hotkey, sum] of inputs.invocations) {
    if (registered.has(hotkey)) sums.set(hotkey, { ...sum, uniqueChuteCount: unique.get(hotkey) ?? 0 });
  }
  return sums;
}

/** Billed instances earn by their seconds, but only for miners that also served at least one scored invocation. */
function addBilledInstances(sums: Map<string, InvocationSums>, inputs: ScoringInputs): Map<string, InvocationSums> {
  const billed = new Map<string, { instances: number; seconds: number; units: number }>();
  for (const instance of inputs.instances) {
    const seconds = billedSeconds(instance, inputs);
    if (seconds === undefined || !sums.has(instance.hotkey)) continue;
    const part = billed.get(instance.hotkey) ?? { instances: 0, seconds: 0, units: 0 };
    part.instances += 1;
    part.seconds += seconds;
    part.units += seconds * (instance.computeMultiplier ?? 1);
    billed.set(instance.hotkey, part);
  }
  for (const [hotkey, part] of billed) {
    const sum = sums.get(hotkey);
    if (sum === undefined) continue;
    sum.bountyCount += part.instances;
    sum.computeUnits += part.units;
    sum.invocationCount += Math.floor(part.seconds);
  }
  return sums;
}

function billedSeconds(instance: InstanceAudit, inputs: ScoringInputs): number | undefined {
  const at = inputs.asOf.getTime();
  const from = at - WINDOW_MS;
  const activated = instance.activatedAt?.getTime();
  if (!instance.isBilled || activated === undefined || activated > at) return undefined;
  const isDeleted = instance.deletedAt !== null && instance.deletedAt.getTime() <= at;
  if (isDeleted ? !isEarningReason(instance.deletionReason) : inputs.privateIncludeActive === false) return undefined;
  const stop = instance.stopBillingAt?.getTime();
  if (stop !== undefined && stop < from) return undefined;
  const end = Math.min(stop ?? at, instance.deletedAt?.getTime() ?? at, at);
  const seconds = (end - Math.max(activated, from)) / 1000;
  return seconds > 0 ? seconds : undefined;
}

function isEarningReason(reason: string | null): boolean {
  return reason !== null && reason !== NEVER_RAN;
}

function preScoresOf(sums: ReadonlyMap<string, InvocationSums>): Map<string, number> {
  const rows = [...sums];
  const units = divisorOf(total(rows.map(([, sum]) => sum.computeUnits)));
  const counts = divisorOf(total(rows.map(([, sum]) => sum.invocationCount)));
  const bounties = divisorOf(total(rows.map(([, sum]) => sum.bountyCount)));
  const breadth = breadthOf(rows.map(([, sum]) => sum.uniqueChuteCount));
  return new Map(
    rows.map(([hotkey, sum], index) => [
      hotkey,
      weights.computeUnits * (sum.computeUnits / units) +
        weights.invocationCount * (sum.invocationCount / counts) +
        weights.uniqueChutes * (breadth[index] ?? 0) +
        weights.bounties * (sum.bountyCount / bounties),
    ]),
  );
}

/** Shares of breadth: miners at or above the median are damped less than the others. */
function breadthOf(counts: readonly number[]): number[] {
  const highest = counts.reduce((left, right) => Math.max(left, right), 0);
  if (highest === 0) return counts.map(() => 0);
  const median = medianOf(counts.filter((count) => count !== 0));
  const bent = counts.map((count) => (count / highest) ** (count >= median ? COMMON_EXPONENT : RARE_EXPONENT));
  const sum = divisorOf(total(bent));
  return bent.map((value) => value / sum);
}

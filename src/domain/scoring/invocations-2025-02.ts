import type { InvocationSums, ScoreSheet, ScoringInputs } from "./inputs.js";
import { SCORING_PROFILES } from "./profiles.js";
import { divisorOf, total } from "./shares.js";

const { weights } = SCORING_PROFILES["invocations-2025-02"];

/** Four shares over invocation rows. Keys that left the metagraph lose their part, and nobody inherits it.
 *  @see protocol 07 §3.2 */
export function scoreInvocations202502(inputs: ScoringInputs): ScoreSheet {
  const rows = [...inputs.invocations.entries()];
  const sumOf = (figure: (sums: InvocationSums) => number) => divisorOf(total(rows.map(([, sums]) => figure(sums))));
  const units = sumOf((sums) => sums.computeUnits);
  const counts = sumOf((sums) => sums.invocationCount);
  const chutes = sumOf((sums) => sums.uniqueChuteCount);
  const bounties = sumOf((sums) => sums.bountyCount);
  const registered = new Set(inputs.metagraph.filter((entry) => entry.uid >= 0).map((entry) => entry.hotkey));
  const scores = rows
    .filter(([hotkey]) => registered.has(hotkey))
    .map(([hotkey, sums]): [string, number] => [
      hotkey,
      weights.computeUnits * (sums.computeUnits / units) +
        weights.invocationCount * (sums.invocationCount / counts) +
        weights.uniqueChutes * (sums.uniqueChuteCount / chutes) +
        weights.bounties * (sums.bountyCount / bounties),
    ]);
  return { raw: new Map(rows.map(([hotkey, sums]) => [hotkey, invocationFigures(sums)])), scores: new Map(scores) };
}

/** The sums under the names of `GET /miner/scores`. @see protocol 07 §3.8 */
export function invocationFigures(sums: InvocationSums): Record<string, number> {
  return {
    invocation_count: sums.invocationCount,
    bounty_count: sums.bountyCount,
    compute_units: sums.computeUnits,
    unique_chute_count: sums.uniqueChuteCount,
  };
}

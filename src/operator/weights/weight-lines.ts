import { inSnapshot } from "../../domain/audit/export-repository.js";
import type { ProfileName } from "../../domain/scoring/profiles.js";
import { clipToMaxLimit, quantiseMaxScaled } from "../../domain/scoring/quantise.js";
import { scoreMiners } from "../../domain/scoring/score.js";
import { scoringInputs } from "../../domain/scoring/score-inputs-repository.js";
import type { Metagraph, WeightEntry, WeightRules } from "../../infra/chain/client.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Config } from "../../kernel/config/schema.js";

const U16_MAX = 65_535;

export interface WeightLine extends WeightEntry {
  readonly hotkey: string;
  readonly score: number;
}

interface WeightQuestion {
  readonly asOf: Date;
  readonly metagraph: Metagraph;
  readonly rules: WeightRules;
}

/** Weights of the miners that score, by uid. */
export async function weightLines(
  deps: { readonly config: Config; readonly db: Db },
  { asOf, metagraph, rules }: WeightQuestion,
): Promise<WeightLine[]> {
  const { netuid, scoring } = deps.config;
  const profile = scoring.profile as ProfileName;
  const question = { profile, netuid, asOf, oneHotkeyPerColdkey: scoring.oneHotkeyPerColdkey };
  const inputs = await inSnapshot(deps.db, (snapshot) => scoringInputs(snapshot, question));
  const scores = scoreMiners(profile, inputs).scores;
  // The chain's own list decides who has a uid now; hotkeys that left since the last sync are dropped.
  const byUid = new Map(metagraph.neurons.map((neuron) => [neuron.uid, neuron.hotkey]));
  const weights = new Map<number, number>();
  for (const [uid, hotkey] of byUid) {
    const score = scores.get(hotkey) ?? 0;
    if (score > 0) weights.set(uid, score);
  }
  const row = quantiseWithin(weights, rules.maxLimit, scoring.keepTiny);
  return row.map(({ uid, value }) => ({ uid, value, hotkey: byUid.get(uid) ?? "", score: weights.get(uid) ?? 0 }));
}

/** Rounding to u16 can lift the largest share over the chain's limit again; then the next lower limit is clipped to. */
function quantiseWithin(weights: ReadonlyMap<number, number>, maxLimit: number, keepTiny: boolean): WeightEntry[] {
  for (let limit = maxLimit; ; limit -= 1) {
    const row = quantiseMaxScaled(clipToMaxLimit(weights, limit), { keepTiny });
    // Below this limit all shares are equal, and nothing lower is possible.
    if (isWithin(row, maxLimit) || limit * weights.size <= U16_MAX) return row;
  }
}

function isWithin(row: readonly WeightEntry[], maxLimit: number): boolean {
  const values = row.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  return Math.max(0, ...values) * U16_MAX <= maxLimit * sum;
}

import type { MetagraphEntry } from "../../domain/scoring/inputs.js";
import type { Chosen } from "./checks/check-weights.js";
import type { ComparedWeight } from "./checks/compare-weights.js";
import type { ChainSubject } from "./checks/subject.js";
import type { MinerLine } from "./report.js";

export interface MinerFacts {
  readonly chosen: Chosen;
  readonly metagraph: readonly MetagraphEntry[];
  readonly subject: ChainSubject | undefined;
  /** Scores of the newest report that publishes some. */
  readonly published: ReadonlyMap<string, number> | undefined;
}

/** One line for every registered key that scores, scored, or holds weight; uid ascending. */
export function minerLines({ chosen, metagraph, subject, published }: MinerFacts): MinerLine[] {
  const compared = new Map(chosen.comparison?.lines.map((line) => [line.uid, line]));
  const incentives = incentiveShares(subject);
  return metagraph
    .filter(({ uid, hotkey }) => compared.has(uid) || chosen.sheet.raw.has(hotkey) || chosen.sheet.scores.has(hotkey))
    .map(({ uid, hotkey }) => ({
      uid,
      hotkey,
      expected: chosen.sheet.scores.get(hotkey) ?? 0,
      published: published === undefined ? null : (published.get(hotkey) ?? 0),
      incentive: incentives.get(uid) ?? null,
      ...comparedFigures(compared.get(uid)),
      figures: chosen.sheet.raw.get(hotkey) ?? {},
    }))
    .sort((left, right) => left.uid - right.uid);
}

function comparedFigures(line: ComparedWeight | undefined): Pick<MinerLine, "onchain" | "diff" | "bound" | "status"> {
  if (line === undefined) return { onchain: null, diff: null, bound: null, status: "unchecked" };
  const { onchain, expected, bound, isOk } = line;
  return { onchain, diff: onchain - expected, bound, status: isOk ? "ok" : "fail" };
}

function incentiveShares(subject: ChainSubject | undefined): Map<number, number> {
  const neurons = subject?.metagraph.neurons ?? [];
  const sum = neurons.reduce((left, neuron) => left + neuron.incentive, 0);
  return sum === 0 ? new Map() : new Map(neurons.map((neuron) => [neuron.uid, neuron.incentive / sum]));
}

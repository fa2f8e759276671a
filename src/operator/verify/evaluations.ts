import { ChuteMedians } from "../../domain/scoring/chute-medians.js";
import type { InvocationSums, MetagraphEntry, ScoreSheet } from "../../domain/scoring/inputs.js";
import {
  type BillableSeconds,
  billableSeconds202510,
  type InvocationRow,
} from "../../domain/scoring/invocation-row.js";
import { InvocationTally } from "../../domain/scoring/invocation-tally.js";
import { type ProfileName, SCORING_PROFILES } from "../../domain/scoring/profiles.js";
import { scoreMiners } from "../../domain/scoring/score.js";
import { AppError } from "../../kernel/errors.js";
import type { InstanceBook } from "./checks/instance-book.js";
import type { FileReader } from "./read-files.js";

/** One computation of scores. */
export interface Evaluation {
  readonly profile: ProfileName;
  readonly asOf: Date;
  readonly oneHotkeyPerColdkey: boolean;
}

/** Invocation sums by profile and moment. */
export type TalliedSums = (evaluation: Evaluation) => ReadonlyMap<string, InvocationSums>;

/** Reads all rows once (twice for the profile that needs medians) and sums them for every evaluation. */
export async function tallyRows(reader: FileReader, evaluations: readonly Evaluation[]): Promise<TalliedSums> {
  await reader.readSmall();
  const profiles = new Set(evaluations.map((evaluation) => evaluation.profile));
  const based = [...profiles].filter((profile) => SCORING_PROFILES[profile].basis === "invocations");
  const tallies = new Map<ProfileName, { tally: InvocationTally; times: number[] }>();
  for (const profile of based) {
    const times = timesOf(evaluations, profile);
    const dates = times.map((time) => new Date(time));
    tallies.set(profile, { tally: new InvocationTally(profile, dates, await ruleOf(profile, reader)), times });
  }
  const used = [...tallies.values()].map(({ tally }) => tally);
  const addToAll = (row: InvocationRow) => {
    for (const tally of used) tally.add(row);
  };
  await reader.readInvocations(used.length === 0 ? undefined : addToAll);
  return ({ profile, asOf }) => {
    const entry = tallies.get(profile);
    return entry?.tally.sumsAt(entry.times.indexOf(asOf.getTime())) ?? new Map();
  };
}

export interface ScoringEvidence {
  readonly sums: TalliedSums;
  readonly instances: InstanceBook;
  readonly gpuCounts: ReadonlyMap<string, number>;
}

/** Scores of one evaluation among the given keys. */
export function scoresAt(
  evidence: ScoringEvidence,
  evaluation: Evaluation,
  metagraph: readonly MetagraphEntry[],
): ScoreSheet {
  return scoreMiners(evaluation.profile, {
    asOf: evaluation.asOf,
    metagraph,
    instances: evidence.instances.instances,
    history: evidence.instances.history,
    gpuCounts: evidence.gpuCounts,
    invocations: evidence.sums(evaluation),
    oneHotkeyPerColdkey: evaluation.oneHotkeyPerColdkey,
  });
}

function timesOf(evaluations: readonly Evaluation[], profile: ProfileName): number[] {
  const times = evaluations.filter((one) => one.profile === profile).map((one) => one.asOf.getTime());
  return [...new Set(times)].sort((left, right) => left - right);
}

async function ruleOf(profile: ProfileName, reader: FileReader): Promise<BillableSeconds> {
  if (profile !== "invocations-2025-02") return billableSeconds202510;
  const medians = new ChuteMedians();
  await reader.preview((row) => medians.add(row));
  if (!medians.isComplete) {
    const message = "too many rows with steps or tokens for the medians of invocations-2025-02";
    throw new AppError("too_large", message, { fix: "a shorter window: --days, or --from and --to" });
  }
  return medians.billableSeconds();
}

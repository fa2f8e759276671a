import type { MetagraphEntry, ScoreSheet } from "../../../domain/scoring/inputs.js";
import { clipToMaxLimit } from "../../../domain/scoring/quantise.js";
import type { Evidence } from "../evidence.js";
import type { Finding } from "../report.js";
import type { AsOfPlan } from "./as-of.js";
import type { CheckBook } from "./check-book.js";
import { findingOf } from "./check-scores.js";
import { compareWeights, type WeightComparison, type WeightTolerance } from "./compare-weights.js";
import type { InstanceBook } from "./instance-book.js";
import type { ChainSubject } from "./subject.js";

const U16_MAX = 65_535;
const NOTICEABLE_SHARE = 0.001;

/** The evaluation that fits best, and the comparison when there is a chain row. */
export interface Chosen {
  readonly asOf: Date;
  readonly sheet: ScoreSheet;
  readonly comparison: WeightComparison | undefined;
}

export interface WeightChecking {
  readonly evidence: Evidence;
  readonly metagraph: readonly MetagraphEntry[];
  readonly subject: ChainSubject | undefined;
  readonly instances: InstanceBook;
  readonly plan: AsOfPlan;
  readonly tolerance: WeightTolerance;
  /** Scores at a candidate time, and the drift between data and weights at it. */
  readonly scoreAt: (asOf: Date) => { readonly sheet: ScoreSheet; readonly drift: number };
  readonly book: CheckBook;
}

/** V09: the validator's row on chain follows from the data. Tries every moment of the plan and takes the one with the smallest
 *  distance. @see protocol 08 §7.6 */
export function checkWeights(checking: WeightChecking): Chosen {
  const { subject, plan, book } = checking;
  if (subject?.neuron === undefined) {
    book.note("V09", subject === undefined ? "needs a chain and a hotkey" : "the hotkey is not registered");
    if (subject !== undefined) notRegistered(checking);
    return { asOf: plan.candidates[0], sheet: checking.scoreAt(plan.candidates[0]).sheet, comparison: undefined };
  }
  const excluded = excludedUids(checking);
  const uids = new Set(excluded.keys());
  let best = compareAt(checking, plan.candidates[0], uids);
  for (const asOf of plan.candidates.slice(1)) {
    const candidate = compareAt(checking, asOf, uids);
    if (distanceOf(candidate) < distanceOf(best)) best = candidate;
  }
  tellExcluded(checking, excluded);
  judge(checking, best);
  return best;
}

function compareAt(checking: WeightChecking, asOf: Date, excluded: ReadonlySet<number>): Chosen {
  const { sheet, drift } = checking.scoreAt(asOf);
  const uids = new Map(checking.metagraph.map((entry) => [entry.hotkey, entry.uid]));
  const scores = [...sheet.scores].flatMap(([hotkey, score]) => {
    const uid = uids.get(hotkey);
    return uid === undefined ? [] : [[uid, score] as const];
  });
  const expected = clipToMaxLimit(new Map(scores), checking.subject?.rules.maxLimit ?? U16_MAX);
  const onchain = checking.subject?.weights ?? [];
  return {
    asOf,
    sheet,
    comparison: compareWeights({ onchain, expected, excluded, drift, tolerance: checking.tolerance }),
  };
}

function distanceOf({ comparison }: Chosen): number {
  return comparison?.tvDistance ?? Number.POSITIVE_INFINITY;
}

/** Keys whose share cannot be compared, and why. */
function excludedUids({ metagraph, instances }: WeightChecking): Map<number, string> {
  const owners = new Map(metagraph.map((entry) => [entry.uid, entry.hotkey]));
  const excluded = new Map<number, string>();
  for (const entry of metagraph) if (entry.blacklistReason) excluded.set(entry.uid, "is blacklisted");
  for (const { minerUid, hotkey } of instances.instances) {
    const owner = minerUid === null ? undefined : owners.get(minerUid);
    if (minerUid !== null && owner !== undefined && owner !== hotkey) excluded.set(minerUid, "changed its owner");
  }
  return excluded;
}

/** Left out of the comparison, but not out of sight: such a key may still hold weight. */
function tellExcluded({ subject, book }: WeightChecking, excluded: ReadonlyMap<number, string>): void {
  const sum = subject?.weights.reduce((left, entry) => left + entry.value, 0) ?? 0;
  for (const [uid, why] of excluded) {
    const share = (subject?.weights.find((entry) => entry.uid === uid)?.value ?? 0) / Math.max(sum, 1);
    const text = `uid ${uid} ${why}: not compared`;
    if (share <= NOTICEABLE_SHARE) book.note("V09", text);
    else
      book.found("V09", "warning", {
        subject: `uid ${uid}`,
        message: `${why}, but holds ${share.toFixed(4)} of the weights`,
      });
  }
}

function judge(checking: WeightChecking, { comparison }: Chosen): void {
  const { evidence, subject, book } = checking;
  const finding = findingOf(evidence);
  if (comparison === undefined || comparison.lines.length === 0) {
    book.note("V09", "nobody scores and the chain holds no weights");
  } else if (subject?.weights.length === 0) {
    book.found("V09", finding, { subject: "weights", message: "the chain holds none, though miners score" });
  } else judgeShares(comparison, finding, book);
}

function judgeShares(comparison: WeightComparison, finding: Finding, book: CheckBook): void {
  for (const { uid, expected, onchain, bound, isOk } of comparison.lines) {
    if (isOk) book.ok("V09");
    else {
      const shares = `expected ${expected.toFixed(6)}, on chain ${onchain.toFixed(6)}`;
      book.found("V09", finding, { subject: `uid ${uid}`, message: `${shares}, allowed ±${bound.toFixed(6)}` });
    }
  }
  if (comparison.isDistanceOk) return;
  const message = `all weights together differ by ${comparison.tvDistance.toFixed(6)}`;
  book.found("V09", finding, { subject: "total variation distance", message });
}

function notRegistered({ book, evidence }: WeightChecking): void {
  const subject = evidence.hotkey ?? "hotkey";
  book.found("V09", "unverifiable", { subject, message: "is not registered on this subnet" });
}

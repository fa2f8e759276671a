import type { MetagraphEntry } from "../../domain/scoring/inputs.js";
import { type AsOfPlan, driftOf, planAsOf, uncoveredHours } from "./checks/as-of.js";
import type { CheckBook } from "./checks/check-book.js";
import { checkLiveScores, checkPublishedScores } from "./checks/check-scores.js";
import { type Chosen, checkWeights } from "./checks/check-weights.js";
import { WEIGHT_TOLERANCE } from "./checks/compare-weights.js";
import type { InstanceBook } from "./checks/instance-book.js";
import { type ChainSubject, readSubject, registeredKeys } from "./checks/subject.js";
import { type Evaluation, type ScoringEvidence, scoresAt, tallyRows } from "./evaluations.js";
import type { Evidence } from "./evidence.js";
import { HOUR_MS } from "./evidence.js";
import type { FileStore } from "./fetch/file-store.js";
import { minerLines } from "./miner-lines.js";
import type { VerifyDeps, VerifyOptions } from "./options.js";
import { FileReader } from "./read-files.js";
import type { VerifyReport } from "./report.js";
import { type Rule, ruleOf } from "./rule.js";

/** One run of verify. */
export interface Run {
  readonly options: VerifyOptions;
  readonly deps: VerifyDeps;
  readonly book: CheckBook;
  readonly startedAt: Date;
  /** Undefined for local files. */
  readonly store: FileStore | undefined;
}

interface Facts {
  readonly evidence: Evidence;
  readonly instances: InstanceBook;
  readonly subject: ChainSubject | undefined;
  readonly plan: AsOfPlan;
  readonly rule: Rule;
  readonly scoring: ScoringEvidence;
  readonly metagraph: readonly MetagraphEntry[];
}

/** Everything behind the collection of evidence: reads rows, recomputes, compares, reports. */
export async function examine(run: Run, evidence: Evidence): Promise<VerifyReport> {
  const { options, deps, book } = run;
  const { instances } = evidence;
  const subject = await chainSubject(run, evidence);
  const { reports, gpuCounts } = evidence;
  const wanted = options.asOf ?? "auto";
  const plan = await planAsOf({ wanted, chain: deps.chain, subject, reports, now: deps.now() });
  const rule = await ruleOf(options, evidence);
  const evaluations = evaluationsOf(evidence, plan, rule);
  const withChutes = evaluations.some(({ profile }) => profile === "invocations-2025-02");
  const reader = new FileReader({ files: evidence.files, book, deps, store: run.store, withChutes });
  const sums = await tallyRows(reader, evaluations);
  const scoring = { sums, instances, gpuCounts };
  const scored = [...sums({ ...rule, asOf: plan.candidates[0] }).keys()];
  const metagraph = registeredKeys(subject, evidence.metagraph) ?? assumedKeys(instances, scored, book);
  const facts = { evidence, instances, subject, plan, rule, scoring, metagraph };
  const chosen = compare(run, facts);
  return reportOf(run, facts, { chosen, reader });
}

function compare(run: Run, facts: Facts): Chosen {
  const { evidence, instances, subject, plan, rule, scoring, metagraph } = facts;
  const { book } = run;
  checkPublishedScores({ evidence, metagraph, book, rescore: (published, keys) => scoresAt(scoring, published, keys) });
  const chosen = checkWeights({
    evidence,
    metagraph,
    subject,
    instances,
    plan,
    book,
    tolerance: { ...WEIGHT_TOLERANCE, ...run.options.tolerance },
    scoreAt: (asOf) => ({
      sheet: scoresAt(scoring, { ...rule, asOf }, metagraph),
      drift: driftOf(uncoveredHours(evidence.reports, asOf), spanHours(instances, asOf)),
    }),
  });
  checkLiveScores({ evidence, book }, chosen.sheet.scores, uncoveredHours(evidence.reports, chosen.asOf));
  return chosen;
}

async function chainSubject({ deps, options }: Run, { hotkey }: Evidence): Promise<ChainSubject | undefined> {
  if (deps.chain === undefined || hotkey === undefined) return undefined;
  return readSubject(deps.chain, options.netuid, hotkey);
}

function evaluationsOf({ reports }: Evidence, plan: AsOfPlan, rule: Rule): Evaluation[] {
  const published = reports.flatMap(({ report }) => report.published ?? []);
  return [...plan.candidates.map((asOf) => ({ ...rule, asOf })), ...published];
}

/** Without any metagraph every key that did something counts as registered, each with a coldkey of its own. */
function assumedKeys(instances: InstanceBook, scored: readonly string[], book: CheckBook): MetagraphEntry[] {
  const message = "none was given: every hotkey counts as registered and as its own coldkey";
  book.found("V08", "warning", { subject: "metagraph", message });
  const uids = new Map(scored.map((hotkey) => [hotkey, 0]));
  for (const { hotkey, minerUid } of instances.instances) uids.set(hotkey, minerUid ?? 0);
  return [...uids].map(([hotkey, uid]) => ({ uid, hotkey, coldkey: hotkey, blacklistReason: null }));
}

/** Length of the history up to a moment; a young validator's shares move faster. */
function spanHours({ instances }: InstanceBook, asOf: Date): number {
  const first = instances.reduce((least, { createdAt }) => Math.min(least, createdAt.getTime()), asOf.getTime());
  return instances.length === 0 ? Number.POSITIVE_INFINITY : (asOf.getTime() - first) / HOUR_MS;
}

function reportOf(run: Run, facts: Facts, { chosen, reader }: { chosen: Chosen; reader: FileReader }): VerifyReport {
  const { options, book, deps, startedAt } = run;
  const { evidence, subject, plan, metagraph, instances } = facts;
  const { from, to, missing } = evidence.window;
  const published = evidence.reports.findLast(({ report }) => report.published !== undefined)?.report.published?.scores;
  return {
    schema: "chutes-verify/1",
    verdict: book.verdict(),
    subject: {
      api: options.api ?? null,
      hotkey: evidence.hotkey ?? null,
      netuid: options.netuid,
      uid: subject?.neuron?.uid ?? null,
    },
    window: {
      from: from?.toISOString() ?? null,
      to: to?.toISOString() ?? null,
      hours: evidence.reports.length,
      missing: missing.map((end) => end.toISOString()),
    },
    as_of: {
      time: chosen.asOf.toISOString(),
      block: plan.block,
      method: plan.method,
      tv_distance: chosen.comparison?.tvDistance ?? null,
    },
    profile: facts.rule.profile,
    totals: {
      files: evidence.files.length,
      bytes: reader.totals.bytes,
      rows: reader.totals.rows,
      bad_rows: reader.totals.bad,
      instances: instances.instances.length,
      seconds: (deps.now().getTime() - startedAt.getTime()) / 1000,
    },
    checks: book.results(),
    miners: minerLines({ chosen, metagraph, subject, published }),
  };
}

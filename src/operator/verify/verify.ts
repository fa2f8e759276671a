import type { MetagraphEntry } from "../../domain/scoring/inputs.js";
import type { ProfileName } from "../../domain/scoring/profiles.js";
import { type AsOfPlan, driftOf, planAsOf, uncoveredHours } from "./as-of.js";
import { CheckBook } from "./check-book.js";
import { checkLiveScores, checkPublishedScores } from "./check-scores.js";
import { type Chosen, checkWeights } from "./check-weights.js";
import { collectFiles } from "./collect-files.js";
import { collectRemote } from "./collect-remote.js";
import { WEIGHT_TOLERANCE } from "./compare-weights.js";
import { type Evaluation, scoresAt, tallyRows } from "./evaluations.js";
import type { Evidence } from "./evidence.js";
import { HOUR_MS } from "./evidence.js";
import { FileStore } from "./file-store.js";
import { type InstanceBook, mergeReports } from "./instance-book.js";
import { checkOptions, type VerifyDeps, type VerifyOptions } from "./options.js";
import { FileReader } from "./read-files.js";
import { openRemoteApi } from "./remote-api.js";
import { minerLines } from "./miner-lines.js";
import type { VerifyReport } from "./report.js";
import { type ChainSubject, readSubject, registeredKeys } from "./subject.js";

/** Checks that a validator's weights follow from what it published: hashes against the chain, files against hashes, scores and
 *  weights against files. Findings are in the report; what keeps verification from running is thrown.
 *  @see protocol 08 §7
 *  @throws AppError `invalid` or `config` for options and local files, `unavailable` for an API or chain that does not answer,
 *  `aborted` when the signal stops it. */
export async function verify(options: VerifyOptions, deps: VerifyDeps): Promise<VerifyReport> {
  checkOptions(options);
  if (options.api === undefined) {
    const book = new CheckBook();
    return examine({ options, deps, book, store: undefined }, await collectFiles(options, deps, book));
  }
  const store = await FileStore.open(options.dir ?? ".", { recheck: options.recheck === true, signal: deps.signal });
  const api = openRemoteApi(options.api, deps.signal);
  const book = new CheckBook();
  try {
    return await examine({ options, deps, book, store }, await collectRemote({ api, store, options, deps, book }));
  } finally {
    await store.save();
    await api.close();
  }
}

interface Examination {
  readonly options: VerifyOptions;
  readonly deps: VerifyDeps;
  readonly book: CheckBook;
  readonly store: FileStore | undefined;
}

async function examine(context: Examination, evidence: Evidence): Promise<VerifyReport> {
  const { options, deps, book, store } = context;
  const startedMs = deps.now().getTime();
  const instances = mergeReports(evidence.reports, book);
  for (const { name, report } of evidence.reports) {
    for (const message of report.problems) book.found("V05", "warning", { subject: name, message });
  }
  const subject =
    deps.chain === undefined || evidence.hotkey === undefined
      ? undefined
      : await readSubject(deps.chain, options.netuid, evidence.hotkey);
  const { reports } = evidence;
  const plan = await planAsOf({ wanted: options.asOf ?? "auto", chain: deps.chain, subject, reports, now: deps.now() });
  const reader = new FileReader({ files: evidence.files, book, deps, store });
  const rule = ruleOf(context, evidence);
  const wanted = plan.candidates.map((asOf) => ({ ...rule, asOf }));
  const sums = await tallyRows(reader, [...wanted, ...publishedEvaluations(evidence)]);
  const scoring = { sums, instances, gpuCounts: evidence.gpuCounts };
  const metagraph = keysOf(context, { evidence, subject, instances, hotkeys: sums(wanted[0] ?? { ...rule, asOf: plan.candidates[0] }).keys() });
  const checking = { evidence, metagraph, book };
  checkPublishedScores({ ...checking, rescore: (published, keys) => scoresAt(scoring, published, keys) });
  const scoreAt = (asOf: Date) => {
    const drift = driftOf(uncoveredHours(reports, asOf), spanHours(instances, asOf));
    return { sheet: scoresAt(scoring, { ...rule, asOf }, metagraph), drift };
  };
  const tolerance = { ...WEIGHT_TOLERANCE, ...options.tolerance };
  const chosen = checkWeights({ ...checking, subject, instances, plan, tolerance, scoreAt });
  checkLiveScores({ ...checking, rescore: () => chosen.sheet }, chosen.sheet.scores, uncoveredHours(reports, chosen.asOf));
  return reportOf(context, { evidence, subject, metagraph, plan, chosen, rule, reader, instances, startedMs });
}

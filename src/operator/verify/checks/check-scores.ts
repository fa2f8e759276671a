import type { MetagraphEntry, ScoreSheet } from "../../../domain/scoring/inputs.js";
import type { PublishedScores } from "../audit-report.js";
import type { CollectedReport, Evidence } from "../evidence.js";
import { HOUR_MS } from "../evidence.js";
import { driftOf } from "./as-of.js";
import type { CheckBook } from "./check-book.js";

const WINDOW_HOURS = 168;
const RELATIVE = 1e-6;
/** Reports tell times to the microsecond and both ends of a life are read to the millisecond. */
const LIFE_ROUNDING_SECONDS = 0.002;
/** Live scores are computed every ten minutes. */
const LIVE_AGE_HOURS = 0.25;

type Rescore = (
  published: Pick<PublishedScores, "profile" | "asOf" | "oneHotkeyPerColdkey">,
  keys: readonly MetagraphEntry[],
) => ScoreSheet;

export interface ScoreChecking {
  readonly evidence: Evidence;
  readonly metagraph: readonly MetagraphEntry[];
  readonly rescore: Rescore;
  readonly book: CheckBook;
}

/** V08: recomputes the scores that each report publishes, at the time it names. @see protocol 08 §7.6 */
export function checkPublishedScores(checking: ScoreChecking): void {
  const { evidence, book } = checking;
  const publishing = evidence.reports.filter(({ report }) => report.published !== undefined);
  if (publishing.length === 0) book.note("V08", "no report publishes scores");
  let uncovered = 0;
  for (const report of publishing) {
    const { published } = report.report;
    if (published === undefined) continue;
    const shortfall = shortfallHours(evidence, published.asOf);
    if (shortfall > 1) uncovered += 1;
    else checkOne(checking, { report, published, shortfall });
  }
  if (uncovered > 0) book.note("V08", `${uncovered} reports publish scores over hours before the window: not compared`);
}

/** V08 for an API whose reports carry no scores: those it serves now, which may be a little older or newer. */
export function checkLiveScores(
  { evidence, book }: Pick<ScoreChecking, "evidence" | "book">,
  recomputed: ReadonlyMap<string, number>,
  ageHours: number,
): void {
  if (evidence.liveScores.size === 0) return;
  const relative = driftOf(ageHours + LIVE_AGE_HOURS, WINDOW_HOURS);
  const differing = differences(evidence.liveScores, recomputed, { relative, absolute: 0 });
  if (differing.length === 0) book.ok("V08");
  for (const line of differing) {
    book.found("V08", findingOf(evidence), { subject: `/miner/scores: ${line.hotkey}`, message: differenceText(line) });
  }
}

interface PublishedReport {
  readonly report: CollectedReport;
  readonly published: PublishedScores;
  readonly shortfall: number;
}

function checkOne(checking: ScoreChecking, { report, published, shortfall }: PublishedReport): void {
  const { evidence, book } = checking;
  const sheet = checking.rescore(published, keysAtThatTime(checking.metagraph, published));
  const relative = Math.max(RELATIVE, driftOf(shortfall, WINDOW_HOURS));
  const differing = differences(published.scores, sheet.scores, { relative, absolute: roundingOf(sheet) });
  if (differing.length === 0) book.ok("V08");
  for (const line of differing) {
    const subject = `${report.name}: ${line.hotkey}`;
    book.found("V08", findingOf(evidence), { subject, message: differenceText(line) });
  }
}

/** Whoever was scored then was registered then, whatever the metagraph says today. */
function keysAtThatTime(metagraph: readonly MetagraphEntry[], { scores }: PublishedScores): MetagraphEntry[] {
  const known = new Set(metagraph.map((entry) => entry.hotkey));
  const gone = [...scores.keys()].filter((hotkey) => !known.has(hotkey));
  return [
    ...metagraph.map((entry) => (scores.has(entry.hotkey) ? { ...entry, blacklistReason: null } : entry)),
    ...gone.map((hotkey) => ({ uid: 0, hotkey, coldkey: hotkey, blacklistReason: null })),
  ];
}

function shortfallHours({ completeFrom }: Evidence, asOf: Date): number {
  if (completeFrom === undefined) return 0;
  return Math.max(0, completeFrom.getTime() / HOUR_MS - (asOf.getTime() / HOUR_MS - WINDOW_HOURS));
}

/** What the rounding of times can do to a share, for the profile that is made of them. */
function roundingOf({ raw }: ScoreSheet): number {
  const rows = [...raw.values()];
  const seconds = rows.reduce((sum, row) => sum + (row["instance_seconds"] ?? 0), 0);
  const instances = rows.reduce((sum, row) => sum + (row["total_instances"] ?? 0), 0);
  return seconds === 0 ? 0 : (instances * LIFE_ROUNDING_SECONDS) / seconds;
}

interface Difference {
  readonly hotkey: string;
  readonly published: number;
  readonly recomputed: number;
}

function differences(
  published: ReadonlyMap<string, number>,
  recomputed: ReadonlyMap<string, number>,
  tolerance: { readonly relative: number; readonly absolute: number },
): Difference[] {
  const hotkeys = new Set([...published.keys(), ...recomputed.keys()]);
  return [...hotkeys].flatMap((hotkey) => {
    const line = { hotkey, published: published.get(hotkey) ?? 0, recomputed: recomputed.get(hotkey) ?? 0 };
    const bound = tolerance.relative * Math.max(line.published, line.recomputed) + tolerance.absolute;
    return Math.abs(line.published - line.recomputed) <= bound ? [] : [line];
  });
}

function differenceText({ published, recomputed }: Difference): string {
  return `published ${published.toPrecision(9)}, recomputed ${recomputed.toPrecision(9)}`;
}

/** With hours missing, a difference proves nothing. */
export function findingOf({ hasHoles }: Evidence): "mismatch" | "incomplete" {
  return hasHoles ? "incomplete" : "mismatch";
}

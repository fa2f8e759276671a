import pLimit from "p-limit";
import { SCORING_PROFILES } from "../../domain/scoring/profiles.js";
import { type AuditEntry, checkIdentity, entriesOf, lastPerWindow, subjectOf } from "./audit-index.js";
import { objectOf } from "./audit-report.js";
import { checkWindows, type ReportedWindow } from "./checks/check-windows.js";
import type { CollectedReport, Evidence } from "./evidence.js";
import { gpuCountsOf, HOUR_MS, hourOf, metagraphOf } from "./evidence.js";
import { fetchAnswer, fetchOptional } from "./fetch/fetch-answers.js";
import { fetchFiles } from "./fetch/fetch-files.js";
import { type FetchedFile, fetchReport } from "./fetch/fetch-reports.js";
import type { Remote } from "./fetch/remote.js";
import { loadReports } from "./load-reports.js";
import type { VerifyOptions } from "./options.js";

const DEFAULT_DAYS = 7;
const DEFAULT_JOBS = 4;
/** Length of the index and of the scored window. @see protocol 08 §3.3 */
const WEEK_MS = 7 * 24 * HOUR_MS;
const CHAIN_CALLS_AT_ONCE = 8;

/** Evidence of an API: index, reports, files, then the small lists. Reports of the week before the window are read too, because
 *  scores look back that far; their hours are not judged. */
export async function collectRemote(remote: Remote): Promise<Evidence> {
  const { options, book, deps } = remote;
  const listed = entriesOf(await fetchAnswer(remote, "index", "/audit/"), book);
  const hotkey = subjectOf(listed, options.hotkey);
  const own = lastPerWindow(listed.filter((entry) => entry.hotkey === hotkey));
  const wanted = wantedWindow(options, deps.now());
  const entries = own.filter(({ start }) => start.getTime() >= wanted.from.getTime() - WEEK_MS && start < wanted.to);
  for (const entry of entries) checkIdentity(entry, book);
  const { reports, instances } = await loadReports(await fetchReports(remote, entries), book);
  const judged = entries.filter(({ start }) => start >= wanted.from);
  const missing = checkWindows(await timedWindows(remote, judged, reports), dueHours(remote, wanted, own[0]), book);
  const isByRows = needsRows(options, reports);
  const withFiles = isByRows ? reports : reports.filter(({ file }) => file.entry.start >= wanted.from);
  const files = await fetchFiles(remote, withFiles);
  const isShort = isByRows && files.length < withFiles.flatMap(({ report }) => report.csvExports).length;
  const hasAll = reports.length === entries.length && isWhole(own[0], wanted, deps.now());
  return {
    hotkey,
    reports,
    instances,
    files,
    ...(await fetchLists(remote, reports)),
    completeFrom: hasAll ? undefined : (reports[0]?.start ?? wanted.from),
    hasHoles: missing.length > 0 || isShort || hasGap(reports),
    window: { from: wanted.from, to: wanted.to, missing },
  };
}

interface Wanted {
  readonly from: Date;
  readonly to: Date;
}

function wantedWindow(options: VerifyOptions, now: Date): Wanted {
  const to = options.to ?? now;
  const lengthMs = (options.days ?? DEFAULT_DAYS) * 24 * HOUR_MS;
  const from = options.from ?? new Date(Math.floor((to.getTime() - lengthMs) / HOUR_MS) * HOUR_MS);
  return { from, to };
}

/** The hours that must be there. Without an explicit window, hours before the first entry are not held against a young
 *  validator, only told. */
function dueHours({ options, deps, book }: Remote, { from, to }: Wanted, first: AuditEntry | undefined): Wanted {
  // A report may be up to an hour late; an hour that is still within that is not missing.
  const due = new Date(Math.min(to.getTime(), deps.now().getTime() - HOUR_MS));
  const isGiven = options.from !== undefined || options.days !== undefined;
  if (first === undefined || first.start <= from || isGiven) return { from, to: due };
  const message = `the published history begins at ${first.start.toISOString()}, inside the window of 7 days`;
  book.found("V01", "warning", { subject: "index", message });
  return { from: first.start, to: due };
}

/** The index shows the validator's beginning, so nothing lies before what is read. */
function isWhole(first: AuditEntry | undefined, { from }: Wanted, now: Date): boolean {
  if (first === undefined || first.start.getTime() < from.getTime() - WEEK_MS) return false;
  return first.start.getTime() > now.getTime() - WEEK_MS;
}

function hasGap(reports: readonly CollectedReport[]): boolean {
  const hours = reports.flatMap(({ start }) => (start === undefined ? [] : [hourOf(start)]));
  return hours.some((hour, index) => index > 0 && hour > (hours[index - 1] ?? hour) + 1);
}

/** Whether scores depend on invocations, so that the files of the look-back are needed as well. */
function needsRows({ profile = "auto" }: VerifyOptions, reports: readonly CollectedReport[]): boolean {
  const published = reports.flatMap(({ report }) => report.published?.profile ?? []);
  const hasHistory = reports.some(({ report }) => report.hasHistory);
  const guessed = published.length > 0 || hasHistory ? [] : ["invocations-2025-10" as const];
  const used = profile === "auto" ? [...published, ...guessed] : [...published, profile];
  return used.some((name) => SCORING_PROFILES[name].basis === "invocations");
}

async function fetchReports(remote: Remote, entries: readonly AuditEntry[]): Promise<FetchedFile[]> {
  const limit = pLimit(remote.options.jobs ?? DEFAULT_JOBS);
  let done = 0;
  const fetched = await Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const file = await fetchReport(remote, entry);
        done += 1;
        remote.deps.onProgress?.({ phase: "download", done, total: entries.length, bytes: 0 });
        return file ?? [];
      }),
    ),
  );
  return fetched.flat();
}

async function timedWindows(
  { deps }: Remote,
  entries: readonly AuditEntry[],
  reports: readonly (CollectedReport & { readonly file: FetchedFile })[],
): Promise<ReportedWindow[]> {
  const closed = new Map(reports.map(({ file, report }) => [file.entry, report.window?.closedAt ?? null]));
  const limit = pLimit(CHAIN_CALLS_AT_ONCE);
  return Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const head = await deps.chain?.blockAt(entry.block);
        const { start, end, block } = entry;
        const name = `hour until ${end.toISOString()}`;
        return { name, start, end, block, closedAt: closed.get(entry) ?? null, blockTime: head?.time };
      }),
    ),
  );
}

async function fetchLists(remote: Remote, reports: readonly CollectedReport[]) {
  const isPublished = reports.some(({ report }) => report.published !== undefined);
  const [metagraph, gpuCounts, live] = await Promise.all([
    fetchOptional(remote, "metagraph", "/miner/metagraph"),
    fetchOptional(remote, "gpu-counts", "/chutes/gpu_count_history"),
    isPublished ? undefined : fetchOptional(remote, "scores", "/miner/scores"),
  ]);
  const liveScores = Object.entries(objectOf(objectOf(live)?.["final_scores"]) ?? {});
  return {
    metagraph: metagraphOf(metagraph),
    gpuCounts: gpuCountsOf(gpuCounts) ?? new Map<string, number>(),
    liveScores: new Map(liveScores.filter((entry): entry is [string, number] => typeof entry[1] === "number")),
  };
}

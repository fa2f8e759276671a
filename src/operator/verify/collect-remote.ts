import pLimit from "p-limit";
import { type AuditEntry, checkIdentity, entriesOf, lastPerWindow, subjectOf } from "./audit-index.js";
import { objectOf } from "./audit-report.js";
import { checkWindows, type ReportedWindow } from "./checks/check-windows.js";
import type { CollectedReport, Evidence } from "./evidence.js";
import { gpuCountsOf, HOUR_MS, metagraphOf } from "./evidence.js";
import { fetchAnswer, fetchOptional } from "./fetch/fetch-answers.js";
import { fetchFiles } from "./fetch/fetch-files.js";
import { fetchReport } from "./fetch/fetch-reports.js";
import type { Remote } from "./fetch/remote.js";

const DEFAULT_DAYS = 7;
/** An older validator has entries that are older than this. @see protocol 08 §3.3 */
const INDEX_MS = 7 * 24 * HOUR_MS;
const CHAIN_CALLS_AT_ONCE = 8;

/** Evidence of an API: index, reports, files, then the small lists. */
export async function collectRemote(remote: Remote): Promise<Evidence> {
  const { options, book } = remote;
  const listed = entriesOf(await fetchAnswer(remote, "index", "/audit/"), book);
  const hotkey = subjectOf(listed, options.hotkey);
  const own = lastPerWindow(listed.filter((entry) => entry.hotkey === hotkey));
  const wanted = wantedWindow(remote, own);
  const entries = own.filter((entry) => entry.start >= wanted.from && entry.start < wanted.to);
  for (const entry of entries) checkIdentity(entry, book);
  const reports = await fetchReports(remote, entries);
  const missing = await checkHours(remote, { entries, reports, wanted });
  const files = await fetchFiles(remote, reports);
  return {
    hotkey,
    reports,
    files,
    ...(await fetchLists(remote, reports)),
    completeFrom: wanted.isWhole ? undefined : (entries[0]?.start ?? wanted.from),
    window: { from: wanted.from, to: wanted.to, missing },
  };
}

interface Wanted {
  readonly from: Date;
  readonly to: Date;
  /** Hours that must be there. */
  readonly expected: { readonly from: Date; readonly to: Date };
  /** The index shows the validator's beginning, so nothing lies before the window. */
  readonly isWhole: boolean;
}

/** Without an explicit window, hours before the first entry are not held against a young validator, only told. */
function wantedWindow({ options, deps, book }: Remote, entries: readonly AuditEntry[]): Wanted {
  const now = deps.now();
  const to = options.to ?? now;
  const lengthMs = (options.days ?? DEFAULT_DAYS) * 24 * HOUR_MS;
  const from = options.from ?? new Date(Math.floor((to.getTime() - lengthMs) / HOUR_MS) * HOUR_MS);
  // A report may be up to an hour late; an hour that is still within that is not missing.
  const due = new Date(Math.min(to.getTime(), now.getTime() - HOUR_MS));
  const first = entries[0]?.start;
  const isWhole = first !== undefined && first >= from && first.getTime() > now.getTime() - INDEX_MS;
  const isGiven = options.from !== undefined || options.days !== undefined;
  if (first === undefined || first <= from || isGiven) return { from, to, expected: { from, to: due }, isWhole };
  const message = `the published history begins at ${first.toISOString()}, inside the window of 7 days`;
  book.found("V01", "warning", { subject: "index", message });
  return { from, to, expected: { from: first, to: due }, isWhole };
}

async function fetchReports(remote: Remote, entries: readonly AuditEntry[]): Promise<FetchedReport[]> {
  const limit = pLimit(remote.options.jobs ?? 4);
  let done = 0;
  const fetched = await Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const report = await fetchReport(remote, entry);
        done += 1;
        remote.deps.onProgress?.({ phase: "download", done, total: entries.length, bytes: 0 });
        return report === undefined ? [] : [{ ...report, entry }];
      }),
    ),
  );
  return fetched.flat();
}

type FetchedReport = CollectedReport & { readonly entry: AuditEntry };

interface Hours {
  readonly entries: readonly AuditEntry[];
  readonly reports: readonly FetchedReport[];
  readonly wanted: Wanted;
}

async function checkHours(remote: Remote, { entries, reports, wanted }: Hours): Promise<Date[]> {
  const { chain } = remote.deps;
  const closed = new Map(reports.map(({ entry, report }) => [entry, report.window?.closedAt ?? null]));
  const limit = pLimit(CHAIN_CALLS_AT_ONCE);
  const windows = await Promise.all(
    entries.map((entry) =>
      limit(async (): Promise<ReportedWindow> => {
        const head = await chain?.blockAt(entry.block);
        const { start, end, block } = entry;
        const name = `hour until ${end.toISOString()}`;
        return { name, start, end, block, closedAt: closed.get(entry) ?? null, blockTime: head?.time };
      }),
    ),
  );
  return checkWindows(windows, wanted.expected, remote.book);
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

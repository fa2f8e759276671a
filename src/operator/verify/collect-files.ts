import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import pLimit from "p-limit";
import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import type { CsvExport, ExportKind, ReportSummary } from "./audit-report.js";
import { readAuditReport } from "./audit-report.js";
import type { CheckBook } from "./checks/check-book.js";
import { checkWindows, type ReportedWindow } from "./checks/check-windows.js";
import { checkCommitment } from "./checks/commitments.js";
import type { CollectedFile, CollectedReport, Evidence } from "./evidence.js";
import { gpuCountsOf, HOUR_MS, hourOf, metagraphOf } from "./evidence.js";
import { hashFile } from "./fetch/file-hash.js";
import { loadReports, type ReportFile } from "./load-reports.js";
import { endOfPath, nameFit } from "./match-files.js";
import type { VerifyDeps, VerifyOptions } from "./options.js";

const MAX_JSON_BYTES = 64 << 20;
const FILES_AT_ONCE = 4;

/** Evidence from files that the user names; nothing is fetched. */
export async function collectFiles(options: VerifyOptions, deps: VerifyDeps, book: CheckBook): Promise<Evidence> {
  const limit = pLimit(FILES_AT_ONCE);
  const audits = await Promise.all(
    (options.audit ?? []).map((path) => limit(() => readAudit(path, { options, deps, book }))),
  );
  const { reports, instances } = await loadReports(lastPerWindow(audits), book);
  const wanted = reports.flatMap((report) => report.report.csvExports.map((item) => ({ report, item })));
  const files = [
    ...(await matched("invocations", options.csv ?? [], { wanted, deps, book })),
    ...(await matched("reports", options.reports ?? [], { wanted, deps, book })),
  ];
  const windows = reports.flatMap(windowOf);
  const [first, last] = [windows[0], windows.at(-1)];
  const missing =
    first === undefined || last === undefined ? [] : checkWindows(windows, { from: first.start, to: last.end }, book);
  if (windows.length === 0) book.note("V01", "no report names its window");
  book.note("V02", "needs the index of an API");
  return {
    hotkey: options.hotkey,
    reports,
    instances,
    files,
    metagraph: await readList(options.metagraph, metagraphOf),
    gpuCounts: (await readList(options.gpuCounts, gpuCountsOf)) ?? new Map(),
    liveScores: new Map(),
    completeFrom: undefined,
    hasHoles: missing.length > 0,
    window: { from: first?.start, to: last?.end, missing },
  };
}

interface AuditReading {
  readonly options: VerifyOptions;
  readonly deps: VerifyDeps;
  readonly book: CheckBook;
}

interface AuditFile extends ReportFile {
  readonly window: ReportSummary["window"];
}

/** Checks the commitment of a report and looks for its window, by which reports are put in order. */
async function readAudit(path: string, reading: AuditReading): Promise<AuditFile> {
  const { options, deps, book } = reading;
  const bytes = await readBounded(path);
  const name = basename(path);
  const block = Number(/^(\d+)\.json$/.exec(name)?.[1] ?? Number.NaN);
  if (deps.chain !== undefined && options.hotkey !== undefined && Number.isSafeInteger(block)) {
    const place = { netuid: options.netuid, hotkey: options.hotkey, block };
    checkCommitment(await deps.chain.commitmentAt(place), { name, sha256: sha256Hex(bytes), place, book });
  } else book.note("V03", `${name}: needs a chain, --hotkey and a file named <block>.json`);
  return { name, path, window: readAuditReport(bytes)?.window };
}

function lastPerWindow(files: readonly AuditFile[]): AuditFile[] {
  const last = new Map<string, AuditFile>();
  for (const file of files) {
    const key = file.window === undefined ? file.path : String(file.window.start.getTime());
    const known = last.get(key);
    if (known === undefined || closedMs(file) >= closedMs(known)) last.set(key, file);
  }
  const startMs = ({ window }: AuditFile) => window?.start.getTime() ?? 0;
  return [...last.values()].sort((left, right) => startMs(left) - startMs(right));
}

function closedMs({ window }: AuditFile): number {
  return window?.closedAt?.getTime() ?? Number.POSITIVE_INFINITY;
}

function windowOf(report: CollectedReport): ReportedWindow[] {
  const { window } = report.report;
  if (window === undefined) return [];
  const { start, end, closedAt } = window;
  return [{ name: report.name, start, end, closedAt, block: undefined, blockTime: undefined }];
}

interface Wanted {
  readonly report: CollectedReport;
  readonly item: CsvExport;
}

interface Matching {
  readonly wanted: readonly Wanted[];
  readonly deps: VerifyDeps;
  readonly book: CheckBook;
}

/** Finds the report that vouches for each file, by its bytes or else by its name, and checks the hash (V04). */
async function matched(kind: ExportKind, paths: readonly string[], matching: Matching): Promise<CollectedFile[]> {
  const limit = pLimit(FILES_AT_ONCE);
  const hashes = await Promise.all(paths.map((path) => limit(() => hashGiven(path, matching.deps.signal))));
  const open = new Set(matching.wanted.filter(({ item }) => item.kind === kind));
  const files = paths.map((path, index) => {
    const sha256 = hashes[index] ?? "";
    // Hours without rows have equal files; the name tells them apart.
    const equal = [...open].filter(({ item }) => item.sha256 === sha256);
    const match = byFit(path, equal)[0]?.wanted;
    if (match !== undefined) open.delete(match);
    return { path, sha256, match };
  });
  return files.map((file) => {
    const match = file.match ?? bestByName(file.path, open, paths.length);
    if (match !== undefined) open.delete(match);
    checkHash({ ...file, match }, matching);
    return collected({ ...file, kind, match, isAlone: paths.length === 1 });
  });
}

function bestByName(path: string, open: ReadonlySet<Wanted>, files: number): Wanted | undefined {
  const [best, second] = byFit(path, [...open]);
  const isClear = best !== undefined && best.fit !== second?.fit && (best.fit > 0 || files === 1);
  return isClear ? best.wanted : undefined;
}

function byFit(path: string, candidates: readonly Wanted[]) {
  const ranked = candidates.map((wanted) => ({ wanted, fit: nameFit(path, wanted.item) }));
  return ranked.sort((left, right) => right.fit - left.fit);
}

function checkHash(
  file: { readonly path: string; readonly sha256: string; readonly match: Wanted | undefined },
  { wanted, book }: Matching,
): void {
  const subject = basename(file.path);
  const expected = file.match?.item.sha256;
  if (expected === file.sha256) book.ok("V04");
  else if (expected !== undefined) {
    const message = `SHA-256 is ${file.sha256}, the report says ${expected}`;
    book.found("V04", "violation", { subject, message });
  } else if (wanted.length > 0) {
    book.found("V04", "warning", { subject, message: "no report names this file" });
  } else book.note("V04", "needs an audit report");
}

interface Found {
  readonly kind: ExportKind;
  readonly path: string;
  readonly sha256: string;
  readonly match: Wanted | undefined;
  readonly isAlone: boolean;
}

function collected({ kind, path, sha256, match, isAlone }: Found): CollectedFile {
  const window = match?.report.report.window;
  // A single file of unknown hours is taken as the whole history; several would count crossing rows twice.
  const named = match === undefined || isAlone ? undefined : endOfPath(match.item);
  const start = window?.start ?? (named === undefined ? undefined : new Date(named.getTime() - HOUR_MS));
  return {
    kind,
    path,
    sha256,
    name: basename(path),
    expectedRows: window?.rows[kind],
    expectedBytes: window?.bytes[kind],
    hour: start === undefined ? undefined : hourOf(start),
  };
}

async function readList<List>(path: string | undefined, read: (value: unknown) => List | undefined) {
  if (path === undefined) return undefined;
  const text = (await readBounded(path)).toString("utf8");
  const list = read(parseJsonFile(path, text));
  if (list === undefined) throw unreadable(path, "it is not the list that the API serves");
  return list;
}

function parseJsonFile(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw unreadable(path, "it is not JSON", cause);
  }
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_JSON_BYTES) throw unreadable(path, `it is larger than ${MAX_JSON_BYTES} bytes`);
    return await readFile(path);
  } catch (cause) {
    throw cause instanceof AppError ? cause : unreadable(path, "there is no such readable file", cause);
  }
}

async function hashGiven(path: string, signal: AbortSignal): Promise<string> {
  try {
    return await hashFile(path, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw unreadable(path, "there is no such readable file", cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): AppError {
  return new AppError("config", `${path} cannot be read: ${why}`, { code: "VER001", cause });
}

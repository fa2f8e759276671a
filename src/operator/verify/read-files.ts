import type { InvocationRow } from "../../domain/scoring/invocation-row.js";
import type { CheckBook } from "./checks/check-book.js";
import { ByteInterner } from "./csv/byte-interner.js";
import { CountOnce } from "./csv/count-once.js";
import { ConfirmedReports } from "./csv/report-decoder.js";
import { countRows, type ScanSummary, scanInvocations, scanReports } from "./csv/scan-rows.js";
import type { CollectedFile } from "./evidence.js";
import { HOUR_MS } from "./evidence.js";
import type { FileStore } from "./fetch/file-store.js";
import type { VerifyDeps } from "./options.js";

/** More bad rows than this part of a file make the file unusable. */
const MAX_BAD_PART = 0.001;

export interface ReadTotals {
  bytes: number;
  rows: number;
  bad: number;
}

export interface FileReading {
  readonly files: readonly CollectedFile[];
  readonly book: CheckBook;
  readonly deps: VerifyDeps;
  /** Remembers what was found, so that unchanged files need not be read again when nobody wants their rows. */
  readonly store: FileStore | undefined;
  /** Whether somebody looks at the chutes of the rows. */
  readonly withChutes: boolean;
}

/** Reads all files, reports first, and checks them (V05). `onRow` gets every completed invocation exactly once; without it
 *  files that an earlier run has read are not opened. */
export class FileReader {
  readonly totals: ReadTotals = { bytes: 0, rows: 0, bad: 0 };
  readonly #reading: FileReading;
  readonly #texts = new ByteInterner();
  readonly #reports = new ConfirmedReports();

  constructor(reading: FileReading) {
    this.#reading = reading;
  }

  /** Reports and jobs. */
  async readSmall(): Promise<void> {
    const { files, deps } = this.#reading;
    for (const file of files) {
      if (file.kind === "reports") this.#check(file, await scanReports(file.path, this.#reports, deps.signal));
      else if (file.kind === "jobs")
        this.#check(file, await this.#remembered(file, () => countRows(file.path, deps.signal)));
    }
  }

  async readInvocations(onRow: ((row: InvocationRow) => void) | undefined): Promise<void> {
    const files = this.#reading.files.filter((file) => file.kind === "invocations");
    const once = onceOver(files);
    for (const [index, file] of files.entries()) {
      const summary =
        onRow === undefined
          ? await this.#remembered(file, () => this.#scan(file, () => undefined))
          : await this.#scan(file, (row) => {
              if (once.counts(row, file.hour)) onRow(row);
            });
      this.#check(file, summary);
      const progress = { phase: "read", done: index + 1, total: files.length, bytes: summary.bytes } as const;
      this.#reading.deps.onProgress?.(progress);
    }
    this.#tellEarly(once, files);
  }

  /** A pass before the one that is checked, for rules that need two. */
  async preview(onRow: (row: InvocationRow) => void): Promise<void> {
    const files = this.#reading.files.filter((file) => file.kind === "invocations");
    const once = onceOver(files);
    for (const file of files) {
      await this.#scan(file, (row) => {
        if (once.counts(row, file.hour)) onRow(row);
      });
    }
  }

  #scan(file: CollectedFile, onRow: (row: InvocationRow) => void): Promise<ScanSummary> {
    const { deps, withChutes } = this.#reading;
    const parts = { texts: this.#texts, reports: this.#reports, withChutes, signal: deps.signal };
    return scanInvocations(file.path, parts, onRow);
  }

  async #remembered(file: CollectedFile, scan: () => Promise<ScanSummary>): Promise<ScanSummary> {
    const { store } = this.#reading;
    const known = store?.scanOf(file.sha256);
    if (known !== undefined) return known;
    const summary = await scan();
    store?.rememberScan(file.sha256, summary);
    return summary;
  }

  #check(file: CollectedFile, summary: ScanSummary): void {
    const { book } = this.#reading;
    this.totals.bytes += summary.bytes;
    this.totals.rows += summary.rows;
    this.totals.bad += summary.bad;
    for (const { finding, message } of problemsOf(file, summary))
      book.found("V05", finding, { subject: file.name, message });
    if (problemsOf(file, summary).length === 0) book.ok("V05");
  }

  /** The hour after the last one is simply not exported yet; an hour in between is a hole. */
  #tellEarly(once: CountOnce, files: readonly CollectedFile[]): void {
    const last = files.reduce((latest, file) => Math.max(latest, file.hour ?? 0), 0);
    for (const [hour, rows] of once.early) {
      if (hour > last) continue;
      const subject = `hour until ${new Date((hour + 1) * HOUR_MS).toISOString()}`;
      const message = `its file is missing: ${rows} rows were counted from the hour of their start`;
      this.#reading.book.found("V05", "warning", { subject, message });
    }
  }
}

function onceOver(files: readonly CollectedFile[]): CountOnce {
  return new CountOnce(new Set(files.flatMap((file) => (file.hour === undefined ? [] : [file.hour]))));
}

interface Problem {
  readonly finding: "violation" | "warning";
  readonly message: string;
}

function problemsOf(file: CollectedFile, summary: ScanSummary): Problem[] {
  if (summary.missingColumns.length > 0) {
    return [{ finding: "violation", message: `the columns ${summary.missingColumns.join(", ")} are missing` }];
  }
  const problems: Problem[] = [];
  const { rows, bytes, bad, withoutMetrics } = summary;
  const { expectedRows = rows, expectedBytes = bytes } = file;
  if (rows !== expectedRows) {
    problems.push({ finding: "violation", message: `has ${rows} rows, the report says ${expectedRows}` });
  } else if (bytes !== expectedBytes) {
    problems.push({ finding: "violation", message: `has ${bytes} bytes, the report says ${expectedBytes}` });
  }
  if (bad > 0) {
    const finding = bad > rows * MAX_BAD_PART ? "violation" : "warning";
    problems.push({ finding, message: `${counted(bad, "row")} of ${rows} cannot be read and do not count` });
  }
  if (withoutMetrics > 0) {
    const message = `${counted(withoutMetrics, "row")} with metrics that do not parse, counted by duration`;
    problems.push({ finding: "warning", message });
  }
  return problems;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

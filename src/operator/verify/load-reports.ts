import { readFile } from "node:fs/promises";
import { type ReportSummary, readAuditReport } from "./audit-report.js";
import type { CheckBook } from "./checks/check-book.js";
import { type InstanceBook, InstanceMerger } from "./checks/instance-book.js";
import type { CollectedReport } from "./evidence.js";

/** A report on this machine. */
export interface ReportFile {
  readonly name: string;
  readonly path: string;
  /** Window of the index; without one, that of the report itself. */
  readonly start?: Date;
  readonly end?: Date;
}

/** Reads reports in the given order, one in memory at a time: a week of them would be larger than all the rest together. */
export async function loadReports<File extends ReportFile>(
  files: readonly File[],
  book: CheckBook,
): Promise<{
  readonly reports: readonly (CollectedReport & { readonly file: File })[];
  readonly instances: InstanceBook;
}> {
  const merger = new InstanceMerger(book);
  const reports: (CollectedReport & { file: File })[] = [];
  for (const file of files) {
    const report = readAuditReport(await readFile(file.path));
    if (report === undefined) {
      book.found("V05", "violation", { subject: file.name, message: "is not a JSON object" });
      continue;
    }
    merger.add(file.name, report);
    for (const message of report.problems) book.found("V05", "warning", { subject: file.name, message });
    const { start = report.window?.start, end = report.window?.end } = file;
    reports.push({ name: file.name, report: summaryOf(report), start, end, file });
  }
  return { reports, instances: merger.finish() };
}

function summaryOf({ hasHistory, csvExports, window, published, problems }: ReportSummary): ReportSummary {
  return { hasHistory, csvExports, window, published, problems };
}

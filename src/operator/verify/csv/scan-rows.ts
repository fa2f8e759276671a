import type { InvocationRow } from "../../../domain/scoring/invocation-row.js";
import { type CsvRecord, headerOf, scanCsv } from "./csv-scanner.js";
import { type DecoderParts, InvocationDecoder, missingColumns } from "./invocation-decoder.js";
import { addReport, type ConfirmedReports } from "./report-decoder.js";

/** What reading a file found. */
export interface ScanSummary {
  /** Records after the header. */
  readonly rows: number;
  readonly bytes: number;
  /** Rows that cannot be trusted and are not scored. */
  readonly bad: number;
  /** Rows whose metrics do not parse; they count by their duration. */
  readonly withoutMetrics: number;
  readonly missingColumns: readonly string[];
}

export interface RowReading extends DecoderParts {
  readonly signal: AbortSignal;
}

/** Reads the invocations of one file; `onRow` gets every sound row in one reused object. */
export async function scanInvocations(
  path: string,
  reading: RowReading,
  onRow: (row: InvocationRow) => void,
): Promise<ScanSummary> {
  let decoder: InvocationDecoder | undefined;
  let missing: readonly string[] | undefined;
  let bad = 0;
  let withoutMetrics = 0;
  const onRecord = (record: CsvRecord) => {
    if (decoder === undefined) {
      if (missing !== undefined) return;
      const header = headerOf(record);
      missing = missingColumns(header);
      if (missing.length === 0) decoder = new InvocationDecoder(header, reading);
      return;
    }
    const quality = decoder.decode(record);
    if (quality === "bad") bad += 1;
    else {
      if (quality === "plain") withoutMetrics += 1;
      onRow(decoder.row);
    }
  };
  const { records, bytes } = await scanCsv(path, onRecord, reading.signal);
  return { rows: Math.max(0, records - 1), bytes, bad, withoutMetrics, missingColumns: missing ?? missingColumns([]) };
}

/** Reads the reports of one file into `into`. */
export async function scanReports(path: string, into: ConfirmedReports, signal: AbortSignal): Promise<ScanSummary> {
  let header: readonly string[] | undefined;
  let bad = 0;
  const onRecord = (record: CsvRecord) => {
    if (header === undefined) header = headerOf(record);
    else if (!addReport(record, header, into)) bad += 1;
  };
  const { records, bytes } = await scanCsv(path, onRecord, signal);
  const missing = ["invocation_id", "confirmed_at"].filter((name) => header?.includes(name) !== true);
  return { rows: Math.max(0, records - 1), bytes, bad, withoutMetrics: 0, missingColumns: missing };
}

/** Counts the rows of a file that scoring does not read. */
export async function countRows(path: string, signal: AbortSignal): Promise<ScanSummary> {
  const { records, bytes } = await scanCsv(path, () => undefined, signal);
  return { rows: Math.max(0, records - 1), bytes, bad: 0, withoutMetrics: 0, missingColumns: [] };
}

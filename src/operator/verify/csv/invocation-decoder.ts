import type { InvocationRow } from "../../../domain/scoring/invocation-row.js";
import { type ByteInterner, hashOf } from "./byte-interner.js";
import { numberIn, timeIn } from "./csv-fields.js";
import type { CsvRecord } from "./csv-scanner.js";
import { MetricsReader } from "./metrics-reader.js";
import type { ConfirmedReports } from "./report-decoder.js";

const MANDATORY = [
  "invocation_id",
  "miner_uid",
  "miner_hotkey",
  "chute_id",
  "started_at",
  "completed_at",
  "error_message",
  "compute_multiplier",
] as const;

/** Columns that scoring reads but older or newer dialects leave out. @see protocol 08 §3.2 */
const OPTIONAL = ["parent_invocation_id", "bounty", "metrics"] as const;

type Column = (typeof MANDATORY)[number] | (typeof OPTIONAL)[number];

/** What came of a record: `bad` rows are never scored, a `plain` row lost its metrics because they do not parse. */
export type RowQuality = "good" | "plain" | "bad";

type MutableRow = { -readonly [Key in keyof InvocationRow]: InvocationRow[Key] };

export interface DecoderParts {
  readonly texts: ByteInterner;
  readonly reports: ConfirmedReports;
  readonly withChutes: boolean;
}

/** Columns of a header that are mandatory and missing. */
export function missingColumns(header: readonly string[]): string[] {
  return MANDATORY.filter((name) => !header.includes(name));
}

/** Turns records of one file into one reused row. Strings come from the interners, which outlive the file. */
export class InvocationDecoder {
  readonly row: MutableRow = emptyRow();
  readonly #columns: Readonly<Record<Column, number>>;
  readonly #width: number;
  readonly #texts: ByteInterner;
  readonly #reports: ConfirmedReports;
  readonly #withChutes: boolean;
  readonly #metrics = new MetricsReader();
  #scratch: Buffer = Buffer.alloc(1024);

  /** @param shared.withChutes false leaves `chuteId` empty: most profiles never look at it, and it costs as much as the key. */
  constructor(header: readonly string[], shared: DecoderParts) {
    const entries = [...MANDATORY, ...OPTIONAL].map((name) => [name, header.indexOf(name)] as const);
    this.#columns = Object.fromEntries(entries) as Record<Column, number>;
    this.#width = header.length;
    this.#texts = shared.texts;
    this.#reports = shared.reports;
    this.#withChutes = shared.withChutes;
  }

  decode(record: CsvRecord): RowQuality {
    if (record.malformed || record.count !== this.#width) return "bad";
    const { row } = this;
    row.minerUid = this.#number(record, this.#columns.miner_uid);
    row.computeMultiplier = this.#number(record, this.#columns.compute_multiplier);
    row.bounty = this.#columns.bounty < 0 ? 0 : this.#number(record, this.#columns.bounty);
    row.startedAtUs = this.#time(record, this.#columns.started_at);
    row.completedAtUs = this.#time(record, this.#columns.completed_at);
    row.failed = !isEmpty(record, this.#columns.error_message);
    if (!isSound(row, isEmpty(record, this.#columns.completed_at))) return "bad";
    row.hotkey = this.#text(record, this.#columns.miner_hotkey);
    if (this.#withChutes) row.chuteId = this.#text(record, this.#columns.chute_id);
    row.voidFromUs = this.#voidFrom(record);
    return this.#readMetrics(record) ? "good" : "plain";
  }

  #number(record: CsvRecord, column: number): number {
    return numberIn(record.buffer, record.starts[column] ?? 0, record.ends[column] ?? 0);
  }

  #time(record: CsvRecord, column: number): number {
    return timeIn(record.buffer, record.starts[column] ?? 0, record.ends[column] ?? 0);
  }

  #text(record: CsvRecord, column: number): string {
    return this.#texts.textOf(record.buffer, record.starts[column] ?? 0, record.ends[column] ?? 0);
  }

  #voidFrom(record: CsvRecord): number {
    const column = this.#columns.parent_invocation_id;
    if (column < 0) return Number.POSITIVE_INFINITY;
    const start = record.starts[column] ?? 0;
    const end = record.ends[column] ?? 0;
    if (!this.#reports.mayHold(hashOf(record.buffer, start, end))) return Number.POSITIVE_INFINITY;
    return this.#reports.confirmedAtUs(record.buffer.toString("latin1", start, end));
  }

  #readMetrics(record: CsvRecord): boolean {
    const column = this.#columns.metrics;
    const start = record.starts[column] ?? 0;
    const end = record.ends[column] ?? 0;
    if (column < 0 || start === end) {
      clearFigures(this.row);
      return true;
    }
    if (record.escaped[column] !== 1) return this.#metrics.read(record.buffer, { start, end }, this.row);
    const length = this.#unescape(record.buffer, start, end);
    return this.#metrics.read(this.#scratch, { start: 0, end: length }, this.row);
  }

  /** Copies the field with doubled quotes made single; returns the length. */
  #unescape(bytes: Buffer, start: number, end: number): number {
    if (this.#scratch.length < end - start) this.#scratch = Buffer.alloc((end - start) * 2);
    let length = 0;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      this.#scratch[length] = byte;
      length += 1;
      if (byte === 34) at += 1;
    }
    return length;
  }
}

function isEmpty(record: CsvRecord, column: number): boolean {
  return record.starts[column] === record.ends[column];
}

/** Comparisons with NaN are false, so every figure that did not parse fails here. */
function isSound(row: MutableRow, isOpen: boolean): boolean {
  if (!(row.computeMultiplier >= 0 && row.bounty >= 0 && Number.isInteger(row.minerUid))) return false;
  if (Number.isNaN(row.startedAtUs)) return false;
  return isOpen || row.completedAtUs >= row.startedAtUs;
}

function clearFigures(row: MutableRow): void {
  row.it = Number.NaN;
  row.ot = Number.NaN;
  row.tokens = Number.NaN;
  row.steps = Number.NaN;
  row.masps = Number.NaN;
  row.maspt = Number.NaN;
  row.nc = Number.NaN;
  row.isPrivate = false;
}

function emptyRow(): MutableRow {
  return {
    hotkey: "",
    chuteId: "",
    minerUid: Number.NaN,
    startedAtUs: Number.NaN,
    completedAtUs: Number.NaN,
    failed: false,
    computeMultiplier: Number.NaN,
    bounty: Number.NaN,
    voidFromUs: Number.POSITIVE_INFINITY,
    it: Number.NaN,
    ot: Number.NaN,
    tokens: Number.NaN,
    steps: Number.NaN,
    masps: Number.NaN,
    maspt: Number.NaN,
    nc: Number.NaN,
    isPrivate: false,
  };
}

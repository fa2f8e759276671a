import { hashOf } from "./byte-interner.js";
import { timeIn } from "./csv-fields.js";
import type { CsvRecord } from "./csv-scanner.js";

const FILTER_BITS = 1 << 20;
const MAX_REPORTS = 2_000_000;

/** Confirmed reports by parent invocation id. A bit filter answers for the rows without one, which are nearly all. */
export class ConfirmedReports {
  readonly #confirmed = new Map<string, number>();
  readonly #filter = new Uint8Array(FILTER_BITS / 8);

  /** False when the memory bound was reached and the report is not kept. */
  add(parentId: string, confirmedAtUs: number): boolean {
    const known = this.#confirmed.get(parentId);
    if (known === undefined && this.#confirmed.size >= MAX_REPORTS) return false;
    this.#confirmed.set(parentId, Math.min(known ?? Number.POSITIVE_INFINITY, confirmedAtUs));
    const bytes = Buffer.from(parentId, "latin1");
    const bit = hashOf(bytes, 0, bytes.length) & (FILTER_BITS - 1);
    this.#filter[bit >> 3] = (this.#filter[bit >> 3] ?? 0) | (1 << (bit & 7));
    return true;
  }

  mayHold(hash: number): boolean {
    const bit = hash & (FILTER_BITS - 1);
    return ((this.#filter[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  /** Infinity for an invocation without a confirmed report. */
  confirmedAtUs(parentId: string): number {
    return this.#confirmed.get(parentId) ?? Number.POSITIVE_INFINITY;
  }
}

/** Adds a record of a reports file; false when it does not parse. */
export function addReport(record: CsvRecord, header: readonly string[], into: ConfirmedReports): boolean {
  const id = header.indexOf("invocation_id");
  const confirmed = header.indexOf("confirmed_at");
  if (record.malformed || record.count !== header.length || id < 0 || confirmed < 0) return false;
  const start = record.starts[confirmed] ?? 0;
  const end = record.ends[confirmed] ?? 0;
  if (start === end) return true;
  const at = timeIn(record.buffer, start, end);
  if (Number.isNaN(at)) return false;
  return into.add(record.buffer.toString("latin1", record.starts[id] ?? 0, record.ends[id] ?? 0), at);
}

import { open } from "node:fs/promises";

const QUOTE = 34;
const COMMA = 44;
const LF = 10;
const CR = 13;
/** Large, because every read is a trip to another thread. */
const CHUNK_BYTES = 2 << 20;
/** A record longer than this is not a row of an export. */
const MAX_RECORD_BYTES = 4 << 20;
const MAX_FIELDS = 64;

/** The current record: byte ranges of its fields in a shared buffer, valid only during the callback. Our own scanner,
 *  because a parser that makes a string of every field is four times too slow for the rows of a week. */
export interface CsvRecord {
  readonly buffer: Buffer;
  /** Fields found; more than 64 are not kept and make the record malformed. */
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** 1 where the field contains doubled quotes that are still doubled. */
  readonly escaped: Uint8Array;
  /** Text after a closing quote, an unclosed quote or too many fields. */
  readonly malformed: boolean;
}

export interface CsvScan {
  readonly bytes: number;
  readonly records: number;
}

/** Reads a file once and hands out every record, header included, blank lines excluded. LF and CRLF, quoted line breaks.
 *  Memory does not depend on the file. A record longer than 4 MiB ends the scan as malformed. */
export async function scanCsv(
  path: string,
  onRecord: (record: CsvRecord) => void,
  signal: AbortSignal,
): Promise<CsvScan> {
  const scanner = new Scanner(onRecord);
  let bytes = 0;
  for await (const chunk of chunksOf(path)) {
    signal.throwIfAborted();
    bytes += chunk.length;
    scanner.take(chunk);
  }
  scanner.finish();
  return { bytes, records: scanner.records };
}

/** Texts of the first record: the names of the columns. */
export function headerOf(record: CsvRecord): string[] {
  return Array.from({ length: record.count }, (_, index) =>
    record.buffer.toString("utf8", record.starts[index], record.ends[index]),
  );
}

/** Chunks of a file in two buffers by turns: the next one is being read while the caller works on this one. */
export async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  const spare = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
  const read = (turn: 0 | 1) => file.read(spare[turn], 0, CHUNK_BYTES);
  let turn: 0 | 1 = 0;
  let pending = read(turn);
  try {
    for (;;) {
      const { bytesRead, buffer } = await pending;
      if (bytesRead === 0) return;
      turn = turn === 0 ? 1 : 0;
      pending = read(turn);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await pending.catch(() => undefined);
    await file.close();
  }
}

class Scanner implements CsvRecord {
  buffer: Buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES);
  count = 0;
  malformed = false;
  records = 0;
  readonly starts = new Int32Array(MAX_FIELDS);
  readonly ends = new Int32Array(MAX_FIELDS);
  readonly escaped = new Uint8Array(MAX_FIELDS);
  readonly #onRecord: (record: CsvRecord) => void;
  /** End of the data in the buffer. */
  #end = 0;
  #isLast = false;
  #skipsToEnd = false;

  constructor(onRecord: (record: CsvRecord) => void) {
    this.#onRecord = onRecord;
  }

  /** Appends the chunk to the unfinished record and scans on. */
  take(chunk: Buffer): void {
    if (this.#skipsToEnd) return;
    if (this.buffer.length - this.#end < chunk.length) this.#grow(this.#end + chunk.length);
    chunk.copy(this.buffer, this.#end);
    this.#end += chunk.length;
    const from = this.#scan(0);
    this.buffer.copy(this.buffer, 0, from, this.#end);
    this.#end -= from;
    if (this.#end > MAX_RECORD_BYTES) this.#giveUp();
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(size * 2);
    this.buffer.copy(larger, 0, 0, this.#end);
    this.buffer = larger;
  }

  finish(): void {
    this.#isLast = true;
    this.#scan(0);
  }

  #giveUp(): void {
    this.#skipsToEnd = true;
    this.#end = 0;
    this.count = 0;
    this.malformed = true;
    this.records += 1;
    this.#onRecord(this);
  }

  /** Hands out every whole record from `from`; returns where the unfinished one starts. */
  #scan(from: number): number {
    let start = from;
    while (start < this.#end) {
      const next = this.#record(start);
      if (next < 0) return start;
      start = next;
      if (this.count === 1 && this.starts[0] === this.ends[0] && !this.malformed) continue;
      this.records += 1;
      this.#onRecord(this);
    }
    return start;
  }

  /** Position behind the record, or -1 when its end is not in the buffer yet. */
  #record(start: number): number {
    this.count = 0;
    this.malformed = false;
    const end = this.#end;
    const bytes = this.buffer;
    let at = start;
    for (;;) {
      if (this.count === MAX_FIELDS) {
        this.malformed = true;
        this.count -= 1;
      }
      at = at < end && bytes[at] === QUOTE ? this.#quoted(at + 1) : this.#plain(at);
      if (at < 0) return -1;
      this.count += 1;
      if (at >= end) return end;
      at += 1;
      if (bytes[at - 1] === LF) return at;
    }
  }

  /** Stores the field and returns the position of its delimiter: comma, line feed, or the end of the file. */
  #plain(start: number): number {
    const bytes = this.buffer;
    const end = this.#end;
    let at = start;
    while (at < end) {
      const byte = bytes[at];
      if (byte === COMMA || byte === LF) break;
      at += 1;
    }
    if (at === end && !this.#isLast) return -1;
    const isLineEnd = at === end || bytes[at] === LF;
    this.#store(start, isLineEnd && at > start && bytes[at - 1] === CR ? at - 1 : at, 0);
    return at;
  }

  #quoted(start: number): number {
    const bytes = this.buffer;
    const end = this.#end;
    let escaped = 0;
    let at = start;
    for (;;) {
      const quote = bytes.indexOf(QUOTE, at);
      at = quote < 0 || quote > end ? end : quote;
      if (at + 1 >= end && !this.#isLast) return -1;
      if (at >= end) {
        this.malformed = true;
        this.#store(start, end, escaped);
        return end;
      }
      if (bytes[at + 1] !== QUOTE || at + 1 >= end) break;
      escaped = 1;
      at += 2;
    }
    this.#store(start, at, escaped);
    return this.#delimiterAfter(at + 1);
  }

  #store(start: number, end: number, escaped: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.escaped[this.count] = escaped;
  }

  #delimiterAfter(from: number): number {
    const bytes = this.buffer;
    let at = from;
    if (bytes[at] === CR && at < this.#end) at += 1;
    while (at < this.#end && bytes[at] !== COMMA && bytes[at] !== LF) {
      this.malformed = true;
      at += 1;
    }
    return at === this.#end && !this.#isLast ? -1 : at;
  }
}

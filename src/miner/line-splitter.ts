import { AppError } from "../kernel/errors.js";

const NEWLINE = 0x0a;
/** Lines hold inline images at most. @see protocol 04 §7.1 */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Cuts a byte stream into lines that keep their newline, whatever the chunks were. */
export class LineSplitter {
  #rest: Uint8Array = new Uint8Array();

  /** Lines completed by this chunk. Throws AppError `too_large` when a line does not end within 64 MiB. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(bytes.subarray(start, end + 1));
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
    if (this.#rest.length > MAX_LINE_BYTES) throw new AppError("too_large", "the engine sent a line over 64 MiB");
    return lines;
  }

  /** What came after the last newline. */
  rest(): Uint8Array[] {
    return this.#rest.length === 0 ? [] : [this.#rest];
  }
}

import { type ClientHttp2Stream, constants } from "node:http2";
import { AppError } from "../../kernel/errors.js";
import { decryptBody, gunzipBounded } from "../../wire/instance-cipher.js";

/** Longest encrypted line: inline images are large. */
const MAX_LINE_BYTES = 96 * 1024 * 1024;
const MAX_INFLATED_BYTES = 128 * 1024 * 1024;
/** Decrypted bytes that may wait for a slow reader before the instance is held back. */
const HIGH_WATER_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * The lines of a streamed answer, decrypted, each as the instance yielded it. What arrived together is handed over together:
 * a reader that keeps up gets every line at once, a slow one holds the instance back.
 * @throws (while iterating) AppError `unavailable` when the stream breaks off, `invalid` when a line does not decrypt
 * @see protocol 04 §7.1
 */
export class InstanceLines implements AsyncIterableIterator<Buffer[]> {
  readonly #stream: ClientHttp2Stream;
  readonly #key: Uint8Array;
  #ready: Buffer[] = [];
  #readyBytes = 0;
  /** Pieces of a line whose end has not arrived. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #end: { error?: Error } | undefined;
  #waiting: { resolve: (result: IteratorResult<Buffer[]>) => void; reject: (error: Error) => void } | undefined;

  constructor(stream: ClientHttp2Stream, key: Uint8Array) {
    this.#stream = stream;
    this.#key = key;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.once("end", () => this.#finish());
    stream.once("error", (error) => this.#stop(error));
    // Comes after "end" and "error"; alone it means that the peer or we ended it early.
    stream.once("close", () => {
      if (this.#end === undefined) this.#stop(new AppError("unavailable", "the instance broke off its answer"));
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Buffer[]>> {
    if (this.#ready.length > 0) return Promise.resolve({ done: false, value: this.#drain() });
    if (this.#end !== undefined) return settled(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #take(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      this.#split(chunk);
    } catch (error) {
      this.#stop(error instanceof Error ? error : new Error(String(error)));
      this.#stream.destroy();
      return;
    }
    if (this.#readyBytes > HIGH_WATER_BYTES) this.#stream.pause();
    if (this.#ready.length > 0) this.#wake();
  }

  #split(chunk: Buffer): void {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      this.#partial.push(chunk.subarray(from, to));
      this.#decodePartial();
      from = to + 1;
    }
    if (from === chunk.length) return;
    this.#partial.push(chunk.subarray(from));
    this.#partialBytes += chunk.length - from;
    if (this.#partialBytes > MAX_LINE_BYTES) throw new AppError("too_large", "a line of the answer is too long");
  }

  #decodePartial(): void {
    const [first] = this.#partial;
    const line = this.#partial.length === 1 && first !== undefined ? first : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    const base64 = line.toString("latin1").trim();
    if (base64 === "") return;
    const plain = gunzipBounded(decryptBody(this.#key, base64), MAX_INFLATED_BYTES);
    this.#ready.push(plain);
    this.#readyBytes += plain.length;
  }

  #finish(): void {
    // A connection that is lost ends the stream too; only its code tells.
    if (isCutOff(this.#stream)) return;
    try {
      if (this.#partial.length > 0) this.#decodePartial();
      this.#stop();
    } catch (error) {
      this.#stop(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #stop(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if (this.#ready.length > 0) waiting.resolve({ done: false, value: this.#drain() });
    else if (this.#end?.error !== undefined) waiting.reject(this.#end.error);
    else waiting.resolve({ done: true, value: undefined });
  }

  #drain(): Buffer[] {
    const lines = this.#ready;
    this.#ready = [];
    if (this.#readyBytes > HIGH_WATER_BYTES) this.#stream.resume();
    this.#readyBytes = 0;
    return lines;
  }
}

/** Whether a stream that ended did so because its connection or the peer gave it up. */
export function isCutOff(stream: ClientHttp2Stream): boolean {
  return stream.rstCode !== undefined && stream.rstCode !== constants.NGHTTP2_NO_ERROR;
}

function settled({ error }: { error?: Error }): Promise<IteratorResult<Buffer[]>> {
  return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
}

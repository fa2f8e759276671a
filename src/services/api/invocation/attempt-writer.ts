import {
  ensurePartitions,
  ensurePartitionsFor,
  settleAttempts,
} from "../../../domain/invocations/settlement-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import type { Running } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";
import type { Spool } from "./spool.js";

export interface WriterOptions {
  readonly db: Db;
  readonly log: Logger;
  readonly now: () => Date;
  /** Lines per transaction. */
  readonly batchLines: number;
  /** Longest wait of a line, milliseconds. */
  readonly batchMs: number;
  /** Lines that may wait in memory while the database is away. Default 50 000. */
  readonly maxWaiting?: number;
  /** Where lines wait when the database is away; without it, in memory. */
  readonly spool?: Spool | undefined;
}

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 15_000;
const PARTITION_CHECK_MS = 6 * 3_600_000;
const NO_PARTITION = "23514";

/**
 * Stores finished attempts in batches, out of the way of requests. While the database is away lines go to the spool file,
 * and are stored when it is back; without a spool they wait in memory, and the oldest are lost beyond the limit.
 * @see protocol 04 §18.6
 */
export class AttemptWriter implements Running {
  readonly #options: WriterOptions & { readonly maxWaiting: number };
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  #partitionsCheckedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = { maxWaiting: 50_000, ...options };
    this.#schedule(0);
  }

  /** Takes a line of `settledLine`. Never waits, never throws. */
  push(line: string): void {
    this.#waiting.push(line);
    if (this.#waiting.length > this.#options.maxWaiting) this.#dropOldest();
    if (this.#failures === 0 && this.#waiting.length >= this.#options.batchLines) this.#schedule(0);
    else this.#schedule(this.#options.batchMs);
  }

  /** Stores what waits now. Resolves when it is stored, spooled, or could not be. */
  async flush(): Promise<void> {
    await this.#running;
    await this.#start();
  }

  /** Stores what waits; what cannot be stored is spooled, or lost with a line in the log. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.flush();
    if (this.#waiting.length === 0) return;
    this.#options.log.error({ rows: this.#waiting.length }, "invocation rows are lost: the database is away");
    this.#waiting = [];
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#running !== undefined) return;
    if (this.#timer !== undefined && delayMs > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#start(), delayMs).unref();
  }

  #start(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#storeAll().finally(() => {
      this.#running = undefined;
      if (this.#failures > 0) this.#schedule(Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, LONGEST_BACKOFF_MS));
      else if (this.#waiting.length > 0) this.#schedule(this.#options.batchMs);
    });
    return this.#running;
  }

  async #storeAll(): Promise<void> {
    const { spool, batchLines } = this.#options;
    try {
      await this.#checkPartitions();
      for (let left = Math.ceil(this.#waiting.length / batchLines); left > 0; left -= 1) await this.#storeBatch();
      await spool?.replay((lines) => this.#store(lines), batchLines);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#options.log.warn({ err: error, rows: this.#waiting.length }, "invocation rows could not be stored yet");
      await this.#spoolWaiting();
    }
  }

  async #storeBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#options.batchLines);
    try {
      await this.#store(batch);
    } catch (error) {
      this.#waiting = batch.concat(this.#waiting);
      throw error;
    }
  }

  /** A line that the database refuses for what it holds must not keep the others from being stored. */
  async #store(lines: string[]): Promise<void> {
    const { db, now } = this.#options;
    try {
      await settleAttempts(db, lines, now());
    } catch (error) {
      if (codeOf(error) === NO_PARTITION) {
        await ensurePartitionsFor(db, lines);
        await settleAttempts(db, lines, now());
        return;
      }
      if (!isRefusedData(error)) throw error;
      if (lines.length > 1) {
        const middle = lines.length >> 1;
        await this.#store(lines.slice(0, middle));
        await this.#store(lines.slice(middle));
      } else
        this.#options.log.error({ err: error, row: lines[0] }, "an invocation row is lost: the database refuses it");
    }
  }

  async #checkPartitions(): Promise<void> {
    const at = this.#options.now().getTime();
    if (at - this.#partitionsCheckedAt < PARTITION_CHECK_MS) return;
    await ensurePartitions(this.#options.db, new Date(at));
    this.#partitionsCheckedAt = at;
  }

  async #spoolWaiting(): Promise<void> {
    const { spool, log } = this.#options;
    if (spool === undefined || this.#waiting.length === 0) return;
    const lines = this.#waiting;
    this.#waiting = [];
    try {
      await spool.append(lines);
    } catch (error) {
      log.error({ err: error }, "invocation rows could not be spooled");
      this.#waiting = lines.concat(this.#waiting);
    }
  }

  #dropOldest(): void {
    const lost = this.#waiting.splice(0, Math.ceil(this.#options.maxWaiting / 100));
    this.#options.log.error({ rows: lost.length }, "invocation rows are lost: too many wait for the database");
  }
}

/** Errors about the data itself (SQLSTATE classes 22 and 23), which trying again would not cure. */
function isRefusedData(error: unknown): boolean {
  return /^2[23]/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return String((Object(error) as { code?: unknown }).code ?? "");
}

import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "./errors.js";
import type { Logger } from "./logger.js";

/** A started thing. `close` stops intake, drains, is idempotent. */
export interface Running {
  close(): Promise<void>;
}

type Undo = () => unknown;

/** Collects what was opened and closes it in reverse order, once, even when starting failed half way. */
export class CloseStack implements Running {
  readonly #undos: Undo[] = [];
  #closing: Promise<void> | undefined;

  add(undo: Undo): void {
    this.#undos.push(undo);
  }

  /** Adds a running thing and returns it, so that opening and registering are one line. */
  use<T extends Running>(running: T): T {
    this.add(() => running.close());
    return running;
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join("; "));
  }
}

export interface LoopOptions {
  readonly name: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Pause after a successful pass. */
  readonly intervalMs: number;
  /** Longest pause after failures (doubling from 1 s). */
  readonly maxBackoffMs?: number;
}

/** One signal for a whole process or fleet: aborts with the first of those given. Any number of parts may listen to it. */
export function sharedSignal(...signals: readonly AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any([...signals]);
  // Node takes many listeners for a leak; here each is a part that runs.
  setMaxListeners(0, signal);
  return signal;
}

/** Runs `pass` until the signal aborts; failures are logged, counted and backed off, never fatal. */
export function runLoop(options: LoopOptions, pass: (signal: AbortSignal) => Promise<unknown>): Running {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const done = loop(options, signal, pass);
  return {
    async close() {
      stop.abort();
      await done;
    },
  };
}

async function loop(options: LoopOptions, signal: AbortSignal, pass: (signal: AbortSignal) => Promise<unknown>) {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await pass(signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      options.log.warn({ err: error, loop: options.name, failures }, "loop pass failed");
    }
    const backoff = Math.min(options.maxBackoffMs ?? 30_000, 1000 * 2 ** Math.min(failures - 1, 10));
    await pause(failures === 0 ? options.intervalMs : backoff, signal);
  }
}

/** Sleeps; returns early (without throwing) when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** Rejects with `onTimeout()` when `work` takes longer than `ms`. The work itself is told through its signal. */
export async function withTimeout<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  try {
    return await Promise.race([
      work(controller.signal),
      new Promise<never>((_, reject) => {
        controller.signal.addEventListener("abort", () => reject(onTimeout()), { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the signal aborts; keeps the process alive until then. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  // A listener alone does not keep Node running; a timer does.
  const alive = setInterval(() => undefined, 2 ** 30);
  return new Promise((resolve) => {
    signal.addEventListener(
      "abort",
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}

import type { ServerResponse } from "node:http";
import { pause } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";

/** Work that nobody awaits where it is started: running calls, and what follows them. */
export class Background {
  readonly #work = new Set<Promise<void>>();
  readonly #responses = new Set<ServerResponse>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Keeps track of work; what it throws is a bug and logged. */
  run(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#log.error({ err: error }, "background work of an invocation failed"))
      .finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  /** Keeps track of a client that waits for an answer. */
  serve(response: ServerResponse, work: Promise<void>): void {
    this.#responses.add(response);
    this.run(work.finally(() => this.#responses.delete(response)));
  }

  /** Resolves when all work is done, also what it starts meanwhile. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** Lets running calls end for `ms`, then cuts their clients off; what they used so far still counts. */
  async drain(ms: number): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.settled(), pause(ms, patience.signal)]);
    patience.abort();
    for (const response of this.#responses) response.destroy();
    await this.settled();
  }
}

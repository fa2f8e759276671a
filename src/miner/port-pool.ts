import { AppError } from "../kernel/errors.js";

/** Ports that the miner's host forwards, both ends included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Hands out ports of a range in turn, so that one that turns out to be taken is not tried again at once. */
export class PortPool {
  readonly #range: PortRange | undefined;
  readonly #taken = new Set<number>();
  #next: number;

  /** Without a range the system chooses: every `take` is 0. */
  constructor(range: PortRange | undefined) {
    this.#range = range;
    this.#next = range?.from ?? 0;
  }

  /** Throws AppError `unavailable` when every port of the range is taken. */
  take(): number {
    if (this.#range === undefined) return 0;
    const { from, to } = this.#range;
    for (let tries = from; tries <= to; tries++) {
      const port = this.#next;
      this.#next = port >= to ? from : port + 1;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      return port;
    }
    throw new AppError("unavailable", `all ports from ${from} to ${to} are in use`);
  }

  release(port: number): void {
    this.#taken.delete(port);
  }
}

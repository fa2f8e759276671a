import type { Slot, TargetStore } from "../../../domain/invocations/target-store.js";
import { type Running, runLoop } from "../../../kernel/lifecycle.js";
import type { ApiDeps } from "../deps.js";

/** The slots that this process holds at instances. One loop keeps all of them, however many there are. */
export class Slots implements Running {
  readonly #held = new Map<string, Slot>();
  readonly #loop: Running;

  constructor(store: TargetStore, deps: Pick<ApiDeps, "log" | "signal" | "now">) {
    const options = { name: "slots", log: deps.log, signal: deps.signal, intervalMs: RENEW_MS };
    this.#loop = runLoop(options, async () => {
      if (this.#held.size > 0) await store.renew(this.#held.values(), deps.now());
    });
  }

  hold(slot: Slot): void {
    this.#held.set(slot.leaseId, slot);
  }

  release(leaseId: string): void {
    this.#held.delete(leaseId);
  }

  close(): Promise<void> {
    return this.#loop.close();
  }
}

/** A third of a lease. */
const RENEW_MS = 30_000;

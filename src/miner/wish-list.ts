import type { MinerChute } from "./records.js";

const LONGEST_WAIT_MS = 300_000;

interface Wish {
  readonly chute: MinerChute;
  failures: number;
  /** Milliseconds since the epoch. */
  notBefore: number;
}

/** Chutes that should run here and do not yet, with the back-off of those whose launch failed. At most one wish a chute. */
export class WishList {
  readonly #wishes = new Map<string, Wish>();
  readonly #firstWaitMs: number;

  /** `firstWaitMs`: pause after a first failure; it doubles up to five minutes. */
  constructor(firstWaitMs: number) {
    this.#firstWaitMs = firstWaitMs;
  }

  /** Wants the chute; an urgent wish forgets earlier failures. A newer version replaces the old one. */
  add(chute: MinerChute, isUrgent: boolean): void {
    const old = this.#wishes.get(chute.chuteId);
    const keeps = old !== undefined && !isUrgent;
    this.#wishes.set(chute.chuteId, {
      chute,
      failures: keeps ? old.failures : 0,
      notBefore: keeps ? old.notBefore : 0,
    });
  }

  /** Drops all wishes but these. */
  retain(chuteIds: ReadonlySet<string>): void {
    for (const chuteId of this.#wishes.keys()) if (!chuteIds.has(chuteId)) this.#wishes.delete(chuteId);
  }

  delete(chuteId: string): void {
    this.#wishes.delete(chuteId);
  }

  /** Wishes that may be tried now, the most valuable first. */
  due(at: Date): MinerChute[] {
    return [...this.#wishes.values()]
      .filter(({ notBefore }) => notBefore <= at.getTime())
      .map(({ chute }) => chute)
      .sort((a, b) => b.multiplier - a.multiplier);
  }

  /** Postpones a wish whose launch was refused or went wrong. Returns the wait in milliseconds. */
  postpone(chuteId: string, at: Date): number {
    const wish = this.#wishes.get(chuteId);
    if (wish === undefined) return 0;
    const waitMs = Math.min(this.#firstWaitMs * 2 ** Math.min(wish.failures, 20), LONGEST_WAIT_MS);
    wish.failures += 1;
    wish.notBefore = at.getTime() + waitMs;
    return waitMs;
  }

  /** Milliseconds until the next postponed wish is due; undefined when none waits. */
  nextDueMs(at: Date): number | undefined {
    const waits = [...this.#wishes.values()].map(({ notBefore }) => notBefore - at.getTime()).filter((ms) => ms > 0);
    return waits.length === 0 ? undefined : Math.min(...waits);
  }
}

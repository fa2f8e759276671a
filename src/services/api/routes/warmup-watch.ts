import { AppError } from "../../../kernel/errors.js";
import type { Running } from "../../../kernel/lifecycle.js";
import type { Logger } from "../../../kernel/logger.js";
import type { Directory } from "../directory/directory.js";

export interface WatchOptions<Seen> {
  /** Looks once; must not take longer than a statement may. */
  readonly look: (chuteId: string) => Promise<Seen>;
  readonly directory: Pick<Directory, "onChange">;
  readonly log: Logger;
  readonly pollMs: number;
  /** Most listeners of this process. */
  readonly limit: number;
}

/** Somebody who waits for a chute. */
export interface WatchListener<Seen> {
  /** What was seen at a look; undefined when looking failed. */
  readonly onLook: (seen: Seen | undefined) => void;
  /** The watch closes. */
  readonly onEnd: () => void;
}

/** Looks at chutes while somebody waits for them. */
export interface ChuteWatch<Seen> extends Running {
  /**
   * Adds a listener; those of one chute share its looks. What ends it must be called.
   * @throws AppError `unavailable` when there are too many
   */
  listen(chuteId: string, listener: WatchListener<Seen>): () => void;
}

/** Every chute with listeners is looked at at once, every `pollMs`, and whenever a change of it or of its instances is announced. */
export function openChuteWatch<Seen>(options: WatchOptions<Seen>): ChuteWatch<Seen> {
  const watched = new Map<string, Watched<Seen>>();
  let listeners = 0;
  const endListening = options.directory.onChange((change) => {
    if (change === undefined) for (const chute of watched.values()) chute.lookNow();
    else if (change.kind === "instances" || change.kind === "chute") watched.get(change.id)?.lookNow();
  });
  const listen = (chuteId: string, listener: WatchListener<Seen>) => {
    if (listeners >= options.limit) throw new AppError("unavailable", "Too many warm-ups are being watched.");
    listeners += 1;
    const chute = watched.get(chuteId) ?? new Watched(chuteId, options);
    watched.set(chuteId, chute);
    chute.add(listener);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      listeners -= 1;
      if (chute.remove(listener) === 0) watched.delete(chuteId);
    };
  };
  const close = async () => {
    endListening();
    for (const chute of watched.values()) chute.end();
  };
  return { listen, close };
}

class Watched<Seen> {
  readonly #chuteId: string;
  readonly #options: WatchOptions<Seen>;
  readonly #listeners = new Set<WatchListener<Seen>>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #looksAgain = false;

  constructor(chuteId: string, options: WatchOptions<Seen>) {
    this.#chuteId = chuteId;
    this.#options = options;
  }

  add(listener: WatchListener<Seen>): void {
    this.#listeners.add(listener);
    this.lookNow();
  }

  /** @returns how many are left */
  remove(listener: WatchListener<Seen>): number {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) clearTimeout(this.#timer);
    return this.#listeners.size;
  }

  /** Tells everybody; they remove themselves. */
  end(): void {
    for (const { onEnd } of this.#listeners) onEnd();
  }

  /** A look that is running may have begun before the change: then another follows it. */
  lookNow(): void {
    this.#looksAgain = true;
    if (!this.#isLooking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    clearTimeout(this.#timer);
    while (this.#looksAgain && this.#listeners.size > 0) {
      this.#looksAgain = false;
      const seen = await this.#options.look(this.#chuteId).catch((error: unknown) => {
        this.#options.log.warn(
          { err: error, chuteId: this.#chuteId },
          "a chute that is waited for could not be looked at",
        );
        return undefined;
      });
      for (const { onLook } of this.#listeners) onLook(seen);
    }
    this.#isLooking = false;
    if (this.#listeners.size > 0) this.#timer = setTimeout(() => this.lookNow(), this.#options.pollMs);
  }
}

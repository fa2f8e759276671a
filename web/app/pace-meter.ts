/** How fast an answer came. */
export interface Pace {
  readonly tokens: number;
  readonly tokensPerSecond: number;
  /** Milliseconds from the question to the first piece. */
  readonly firstTokenMs: number;
}

/** Counts the pieces of an answer; each is about a token, until the engine says how many there were. Times in milliseconds. */
export class PaceMeter {
  readonly #askedAt: number;
  #firstAt: number | undefined;
  #lastAt = 0;
  #tokens = 0;
  #counted: number | undefined;

  constructor(askedAt: number) {
    this.#askedAt = askedAt;
  }

  piece(at: number): void {
    this.#firstAt ??= at;
    this.#lastAt = at;
    this.#tokens += 1;
  }

  counted(tokens: number): void {
    this.#counted = tokens;
  }

  /** Nothing can be said before the first piece. */
  pace(): Pace | undefined {
    if (this.#firstAt === undefined) return undefined;
    const tokens = this.#counted ?? this.#tokens;
    const seconds = (this.#lastAt - this.#firstAt) / 1000;
    return {
      tokens,
      // The first token has no time before it.
      tokensPerSecond: seconds > 0 ? Math.max(0, tokens - 1) / seconds : 0,
      firstTokenMs: this.#firstAt - this.#askedAt,
    };
  }
}

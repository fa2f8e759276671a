/** Lines kept; older ones are forgotten. */
const MAX_LINES = 10_000;

type Listener = (line: string) => void;

/** What an instance writes about itself, kept in memory for whoever reads it over its log port. Never holds prompts or keys. */
export class InstanceLog {
  readonly #now: () => Date;
  readonly #listeners = new Set<Listener>();
  #lines: string[] = [];

  constructor(now: () => Date) {
    this.#now = now;
  }

  write(text: string): void {
    const line = `${this.#now().toISOString()} ${text}`;
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES / 2);
    for (const listener of this.#listeners) listener(line);
  }

  /** The last lines, oldest first. */
  tail(count: number): readonly string[] {
    return count <= 0 ? [] : this.#lines.slice(-count);
  }

  /** Calls back for each further line until the returned function is called. */
  follow(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

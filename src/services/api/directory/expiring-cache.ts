export interface CacheOptions<V> {
  /** Looks the value up; undefined is an answer too, and kept for a shorter time. */
  readonly load: (key: string) => Promise<V | undefined>;
  readonly now: () => Date;
  /** Entries kept; the one unused for longest goes first. */
  readonly limit: number;
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  /** Upper bound of both lifetimes as of now; absent = none. */
  readonly capMs?: () => number;
}

interface Entry<V> {
  readonly value: V | undefined;
  readonly loadedAt: number;
}

/**
 * A bounded look-aside cache. Concurrent misses of one key share one look-up; a used entry is renewed in the background in
 * the second half of its life, so that keys in steady use never wait. What was dropped while its look-up ran is not kept.
 */
export class ExpiringCache<V> {
  readonly #options: CacheOptions<V>;
  /** In order of use: the first is the oldest. */
  readonly #entries = new Map<string, Entry<V>>();
  readonly #loading = new Map<string, Promise<V | undefined>>();

  constructor(options: CacheOptions<V>) {
    this.#options = options;
  }

  /** The value, from memory when it is fresh. Rejects as `load` does; failures are not kept. */
  async get(key: string): Promise<V | undefined> {
    const entry = this.#entries.get(key);
    const age = entry === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - entry.loadedAt;
    const lifetime = this.#lifetimeOf(entry);
    if (entry === undefined || age >= lifetime) return this.#load(key);
    this.#touch(key, entry);
    if (age > lifetime / 2 && entry.value !== undefined) this.#load(key).catch(() => undefined);
    return entry.value;
  }

  /** Forgets one key. */
  drop(key: string): void {
    this.#entries.delete(key);
    this.#loading.delete(key);
  }

  /** Forgets every key that matches; the value of a negative answer is undefined. */
  dropWhere(matches: (value: V | undefined, key: string) => boolean): void {
    for (const [key, { value }] of this.#entries) if (matches(value, key)) this.#entries.delete(key);
    // Nobody knows yet what a running look-up will find.
    this.#loading.clear();
  }

  #lifetimeOf(entry: Entry<V> | undefined): number {
    const { ttlMs, negativeTtlMs, capMs } = this.#options;
    const lifetime = entry?.value === undefined ? negativeTtlMs : ttlMs;
    return capMs === undefined ? lifetime : Math.min(lifetime, capMs());
  }

  #nowMs(): number {
    return this.#options.now().getTime();
  }

  #load(key: string): Promise<V | undefined> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const startedAt = this.#nowMs();
    const loading = this.#options.load(key).then(
      (value) => {
        if (this.#loading.get(key) === loading) this.#keep(key, { value, loadedAt: startedAt });
        return value;
      },
      (error: unknown) => {
        if (this.#loading.get(key) === loading) this.#loading.delete(key);
        throw error;
      },
    );
    this.#loading.set(key, loading);
    return loading;
  }

  #keep(key: string, entry: Entry<V>): void {
    this.#loading.delete(key);
    this.#touch(key, entry);
    while (this.#entries.size > this.#options.limit) {
      const [oldest] = this.#entries.keys();
      if (oldest === undefined) return;
      this.#entries.delete(oldest);
    }
  }

  #touch(key: string, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }
}

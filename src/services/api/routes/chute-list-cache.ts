import type { ChangeListener } from "../directory/directory.js";

/** A list as it goes out, and what it was made of. */
export interface ChuteListing {
  readonly bytes: Buffer;
  /** Chutes on the page. */
  readonly chuteIds: ReadonlySet<string>;
  /** Accounts that it shows, and the one that it was made for. */
  readonly userIds: ReadonlySet<string>;
}

export interface ListCacheOptions {
  readonly now: () => Date;
  /** Bytes of all lists together; one list may take a quarter. */
  readonly budgetBytes: number;
}

interface Entry extends ChuteListing {
  readonly madeAt: number;
}

/** Counters on a page (calls, bounties) may be this old. */
const TTL_MS = 10_000;

/**
 * Lists of chutes as bytes, by what was asked and for whom. Concurrent misses share one look-up. A change of anything on a
 * list drops it; what a look-up read before a change is answered to those who asked before it, and not kept.
 */
export class ChuteListCache {
  readonly #options: ListCacheOptions;
  /** In order of use: the first is the oldest. */
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<ChuteListing>>();
  #sizeBytes = 0;

  constructor(options: ListCacheOptions) {
    this.#options = options;
  }

  /** The bytes of a list, from memory when they are fresh. Rejects as `load` does; failures are not kept. */
  async get(key: string, load: () => Promise<ChuteListing>): Promise<Buffer> {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#nowMs() - entry.madeAt >= TTL_MS) return (await this.#load(key, load)).bytes;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.bytes;
  }

  /** Forgets what a change makes untrue. A chute may enter or leave any list; its instances and accounts only show on some. */
  readonly forget: ChangeListener = (change) => {
    switch (change?.kind) {
      case undefined:
      case "chute":
        this.#dropWhere(() => true);
        return;
      case "instances":
        this.#dropWhere(({ chuteIds }) => chuteIds.has(change?.id ?? ""));
        return;
      case "account":
        this.#dropWhere(({ userIds }) => userIds.has(change?.id ?? ""));
        return;
      case "api_key":
      case "balance":
      case "metagraph":
        return;
    }
  };

  #nowMs(): number {
    return this.#options.now().getTime();
  }

  #dropWhere(isTouched: (entry: Entry) => boolean): void {
    for (const [key, entry] of this.#entries) if (isTouched(entry)) this.#drop(key, entry);
    // Nobody knows yet what a running look-up will show.
    this.#loading.clear();
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#sizeBytes -= sizeOf(key, entry);
  }

  #load(key: string, load: () => Promise<ChuteListing>): Promise<ChuteListing> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const madeAt = this.#nowMs();
    const isCurrent = () => this.#loading.get(key) === loading;
    const loading = load()
      .then((listing) => {
        if (isCurrent()) this.#keep(key, { ...listing, madeAt });
        return listing;
      })
      .finally(() => {
        if (isCurrent()) this.#loading.delete(key);
      });
    this.#loading.set(key, loading);
    return loading;
  }

  #keep(key: string, entry: Entry): void {
    const { budgetBytes } = this.#options;
    const old = this.#entries.get(key);
    if (old !== undefined) this.#drop(key, old);
    if (sizeOf(key, entry) > budgetBytes / 4) return;
    this.#entries.set(key, entry);
    this.#sizeBytes += sizeOf(key, entry);
    for (const [oldestKey, oldest] of this.#entries) {
      if (this.#sizeBytes <= budgetBytes) return;
      this.#drop(oldestKey, oldest);
    }
  }
}

/** About what an entry takes: its bytes, its key, and the ids it is dropped by. */
function sizeOf(key: string, { bytes, chuteIds, userIds }: Entry): number {
  return bytes.length + 2 * key.length + 100 * (chuteIds.size + userIds.size) + 500;
}

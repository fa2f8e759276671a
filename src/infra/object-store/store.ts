import type { Readable } from "node:stream";

/** What a listing knows of an object. */
export interface ObjectSummary {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface ObjectInfo extends ObjectSummary {
  readonly contentType: string;
}

export interface PutOptions {
  readonly contentType: string;
  /** Fail with `conflict` rather than replace an object. */
  readonly ifAbsent?: boolean;
}

/** Bytes `start` to `end`, both included, counted from 0; without `end` to the last. An `end` beyond the last is cut. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface ListOptions {
  /** Only keys after this one. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * Named bytes outside the database. An object is replaced whole or not at all: a reader sees the old or the new bytes, and
 * a writer that fails leaves what was there. Every method throws AppError `invalid` for a key that `checkKey` refuses,
 * `unavailable` when the store cannot be reached, `config` when it refuses our credentials or has no such bucket.
 */
export interface ObjectStore {
  /**
   * Stores a buffer, or a stream of unknown length without holding more than a few MiB of it.
   * @throws AppError `conflict` with `ifAbsent` when the object exists
   */
  put(key: string, body: Readable | Uint8Array, options: PutOptions): Promise<ObjectInfo>;
  /**
   * Opens an object; the caller reads the body or destroys it. `info.sizeBytes` is the whole object's.
   * @throws AppError `invalid` when the range starts behind the last byte
   */
  get(key: string, range?: ByteRange): Promise<{ info: ObjectInfo; body: Readable } | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** @throws AppError `not_found` when there is nothing to copy */
  copy(from: string, to: string): Promise<void>;
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>;
  /** Objects whose key begins with the prefix, in order of the keys' UTF-8 bytes. Page on with the last key as `after`. */
  list(prefix: string, options: ListOptions): Promise<ObjectSummary[]>;
}

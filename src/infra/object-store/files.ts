import { randomUUID } from "node:crypto";
import type { Stats } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError } from "../../kernel/errors.js";
import { checkKey, checkPrefix, checkRange } from "./key.js";
import type { ByteRange, ListOptions, ObjectInfo, ObjectStore, ObjectSummary, PutOptions } from "./store.js";
import { walk } from "./walk.js";

const UNKNOWN_TYPE = "application/octet-stream";
/** A temporary file this old belongs to a writer that died. */
const STALE_MS = 24 * 3_600_000;

/**
 * Objects as plain files below `<root>/objects`, their content types below `<root>/types`. Bytes are on disk before an object
 * gets its name. A key may not also be the folder of another key.
 * @throws AppError `config` when the folder cannot be made
 */
export async function openFileStore(root: string, now = new Date()): Promise<ObjectStore> {
  const store = new FileStore(root);
  try {
    await store.prepare(now);
  } catch (cause) {
    throw new AppError("config", `the object folder ${root} cannot be written`, {
      fix: "choose a folder this user may write in objectStore.url",
      cause,
    });
  }
  return store;
}

class FileStore implements ObjectStore {
  readonly #objects: string;
  readonly #types: string;
  readonly #drafts: string;

  constructor(root: string) {
    this.#objects = join(root, "objects");
    this.#types = join(root, "types");
    this.#drafts = join(root, "drafts");
  }

  async prepare(now: Date): Promise<void> {
    for (const folder of [this.#objects, this.#types, this.#drafts]) await mkdir(folder, { recursive: true });
    for (const name of await readdir(this.#drafts)) {
      const draft = join(this.#drafts, name);
      const found = await stat(draft).catch(orAbsent);
      if (found !== undefined && now.getTime() - found.mtimeMs > STALE_MS) await rm(draft, { force: true });
    }
  }

  async put(
    key: string,
    body: Readable | Uint8Array,
    { contentType, ifAbsent = false }: PutOptions,
  ): Promise<ObjectInfo> {
    checkKey(key);
    const target = join(this.#objects, key);
    if (ifAbsent && (await this.head(key)) !== undefined) throw alreadyThere(key);
    const draft = await this.#draft(body);
    try {
      // With ifAbsent the winner is known only after its name is taken, and only the winner may say what its type is.
      if (!ifAbsent) await this.#writeType(key, contentType);
      await place(draft, target, ifAbsent);
      if (ifAbsent) await this.#writeType(key, contentType);
    } catch (error) {
      throw placingError(error, key);
    } finally {
      await rm(draft, { force: true });
    }
    return this.#existing(key);
  }

  async get(key: string, range?: ByteRange): Promise<{ info: ObjectInfo; body: Readable } | undefined> {
    checkKey(key);
    const file = await open(join(this.#objects, key), "r").catch(orAbsent);
    if (file === undefined) return undefined;
    try {
      // Asked of the open file: by name, a writer could slip another object in between.
      const info = await this.#describe(key, await file.stat());
      if (info !== undefined) {
        if (range !== undefined) checkRange(range, info);
        return { info, body: file.createReadStream({ ...range }) };
      }
      await file.close();
      return undefined;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    const found = await stat(join(this.#objects, key)).catch(orAbsent);
    return found === undefined ? undefined : this.#describe(key, found);
  }

  async copy(from: string, to: string): Promise<void> {
    checkKey(to);
    const source = await this.get(from);
    if (source === undefined) throw new AppError("not_found", `no object ${from}`);
    await this.put(to, source.body, { contentType: source.info.contentType });
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    for (const folder of [this.#objects, this.#types]) {
      const path = join(folder, key);
      const found = await stat(path).catch(orAbsent);
      if (found?.isFile()) await rm(path, { force: true });
    }
  }

  async list(prefix: string, { after, limit }: ListOptions): Promise<ObjectSummary[]> {
    checkPrefix(prefix);
    const listed: ObjectSummary[] = [];
    for await (const key of walk(this.#objects, prefix, after)) {
      if (listed.length >= limit) break;
      const found = await stat(join(this.#objects, key)).catch(orAbsent);
      if (found !== undefined) listed.push({ key, sizeBytes: found.size, modifiedAt: found.mtime });
    }
    return listed;
  }

  /** Writes the bytes where nobody looks for them; they are on disk when this returns. */
  async #draft(body: Readable | Uint8Array): Promise<string> {
    const draft = join(this.#drafts, randomUUID());
    try {
      const file = await open(draft, "wx");
      const source = body instanceof Readable ? body : Readable.from([body]);
      await pipeline(source, file.createWriteStream({ flush: true }));
      return draft;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async #writeType(key: string, contentType: string): Promise<void> {
    const draft = await this.#draft(Buffer.from(contentType));
    try {
      await place(draft, join(this.#types, key), false);
    } finally {
      await rm(draft, { force: true });
    }
  }

  async #describe(key: string, found: Stats): Promise<ObjectInfo | undefined> {
    if (!found.isFile()) return undefined;
    const contentType = (await readFile(join(this.#types, key), "utf8").catch(orAbsent)) ?? UNKNOWN_TYPE;
    return { key, sizeBytes: found.size, contentType, modifiedAt: found.mtime };
  }

  async #existing(key: string): Promise<ObjectInfo> {
    const info = await this.head(key);
    if (info === undefined) throw new AppError("conflict", `${key} was deleted while it was written`);
    return info;
  }
}

/** Gives a draft its name, for good: the folder is flushed too, or a power cut could forget the name. */
async function place(draft: string, target: string, ifAbsent: boolean): Promise<void> {
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  // A hard link is refused when the name is taken: the file system decides between two writers.
  await (ifAbsent ? link(draft, target) : rename(draft, target));
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function alreadyThere(key: string): AppError {
  return new AppError("conflict", `the object ${key} already exists`);
}

function placingError(error: unknown, key: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EEXIST") return alreadyThere(key);
  if (code === "EISDIR" || code === "ENOTDIR") {
    return new AppError("conflict", `${key} cannot be an object and a folder of objects at once`);
  }
  return error;
}

/** For `catch`: what is not there is undefined, anything else is thrown on. */
function orAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EISDIR") return undefined;
  throw error;
}

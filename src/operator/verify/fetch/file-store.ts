import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../../../kernel/errors.js";
import type { ScanSummary } from "../csv/scan-rows.js";
import { hashFile } from "./file-hash.js";

interface KnownFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

/** State of a directory between runs. */
interface Memory {
  readonly version: 1;
  /** By name below the directory. */
  readonly files: Record<string, KnownFile>;
  /** Entity tags of the small JSON answers, by name. */
  readonly tags: Record<string, string>;
  /** What reading a file found, by its SHA-256. */
  readonly scans: Record<string, ScanSummary>;
}

const STATE = "state.json";

/** The directory of downloaded files. Names are made here from hashes and ids, never from what a server wrote. It may be
 *  interrupted at any moment: files appear under their names only when they are whole. */
export class FileStore {
  readonly #dir: string;
  readonly #signal: AbortSignal;
  readonly #old: Memory;
  /** Only what this run used, so that the state does not grow for ever. */
  readonly #new: Memory = emptyMemory();

  private constructor(dir: string, old: Memory, signal: AbortSignal) {
    this.#dir = dir;
    this.#old = old;
    this.#signal = signal;
  }

  /** @param recheck forget what earlier runs found and hash every file again. @throws AppError `config` VER001. */
  static async open(dir: string, options: { recheck: boolean; signal: AbortSignal }): Promise<FileStore> {
    try {
      for (const name of ["csv", "reports", "answers"]) await mkdir(join(dir, name), { recursive: true });
    } catch (cause) {
      throw new AppError("config", `the directory ${dir} cannot be written`, {
        code: "VER001",
        cause,
        fix: "--dir PATH",
      });
    }
    const old = options.recheck ? emptyMemory() : await readMemory(join(dir, STATE));
    return new FileStore(dir, old, options.signal);
  }

  get dir(): string {
    return this.#dir;
  }

  csvPath(sha256: string): string {
    return join(this.#dir, "csv", `${sha256}.csv`);
  }

  reportPath(entryId: string): string {
    return join(this.#dir, "reports", `${entryId}.json`);
  }

  /** SHA-256 of a stored file, from memory when size and time are unchanged; undefined when there is no such file. */
  async hashOf(path: string): Promise<string | undefined> {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return undefined;
    const name = path.slice(this.#dir.length);
    const known = this.#old.files[name] ?? this.#new.files[name];
    const isKnown = known !== undefined && known.sizeBytes === found.size && known.modifiedMs === found.mtimeMs;
    const sha256 = isKnown ? known.sha256 : await hashFile(path, this.#signal);
    this.#new.files[name] = { sizeBytes: found.size, modifiedMs: found.mtimeMs, sha256 };
    return sha256;
  }

  /** Hash that an earlier run noted for a file, whatever the file is now. */
  rememberedHash(path: string): string | undefined {
    return this.#old.files[path.slice(this.#dir.length)]?.sha256;
  }

  /** Notes the hash of a file that was just written, so that the next run need not compute it. */
  async remember(path: string, sha256: string): Promise<void> {
    const { size, mtimeMs } = await stat(path);
    this.#new.files[path.slice(this.#dir.length)] = { sizeBytes: size, modifiedMs: mtimeMs, sha256 };
  }

  /** The last answer kept under a name, with its entity tag. */
  async answer(name: string): Promise<{ tag: string; body: Buffer } | undefined> {
    const tag = this.#old.tags[name];
    if (tag === undefined) return undefined;
    const body = await readFile(this.#answerPath(name)).catch(() => undefined);
    if (body === undefined) return undefined;
    this.#new.tags[name] = tag;
    return { tag, body };
  }

  async keepAnswer(name: string, answer: { tag: string; body: Buffer }): Promise<void> {
    delete this.#new.tags[name];
    await writeWhole(this.#answerPath(name), answer.body);
    this.#new.tags[name] = answer.tag;
  }

  scanOf(sha256: string): ScanSummary | undefined {
    const scan = this.#old.scans[sha256];
    if (scan !== undefined) this.#new.scans[sha256] = scan;
    return scan;
  }

  rememberScan(sha256: string, scan: ScanSummary): void {
    this.#new.scans[sha256] = scan;
  }

  async save(): Promise<void> {
    await writeWhole(join(this.#dir, STATE), JSON.stringify(this.#new));
  }

  #answerPath(name: string): string {
    return join(this.#dir, "answers", `${name}.json`);
  }
}

/** Writes under a temporary name of the same directory and renames, so that no reader sees half a file. */
export async function writeWhole(path: string, body: Uint8Array | string): Promise<void> {
  const temporary = `${path}.new`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(temporary, body, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** State that cannot be read costs time, never correctness, so it is dropped. */
async function readMemory(path: string): Promise<Memory> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  try {
    const memory = JSON.parse(text) as Partial<Memory>;
    return memory.version === 1 ? { ...emptyMemory(), ...memory } : emptyMemory();
  } catch {
    return emptyMemory();
  }
}

function emptyMemory(): Memory {
  return { version: 1, files: {}, tags: {}, scans: {} };
}

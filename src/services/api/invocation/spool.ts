import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AppError } from "../../../kernel/errors.js";

const FILE = "attempts.jsonl";
/** A file that is being read back; whatever comes meanwhile goes to a new one. */
const REPLAY_SUFFIX = ".replay";
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

/**
 * Lines on disk that could not be stored yet. The folder belongs to one process at a time; lines of an earlier process in
 * the same folder are read back too.
 */
export class Spool {
  readonly #folder: string;
  #isEmpty = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Adds lines, on disk when this resolves.
   * @throws AppError `unavailable` when 2 GiB are waiting already; Error when the disk refuses
   */
  async append(lines: readonly string[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = await open(join(this.#folder, FILE), "a", 0o600);
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES) throw new AppError("unavailable", "the spool of invocations is full");
      await file.appendFile(`${lines.join("\n")}\n`);
      await file.datasync();
      this.#isEmpty = false;
    } finally {
      await file.close();
    }
  }

  /** Hands all lines over, oldest first, in batches; a file is removed once `store` took all of it. */
  async replay(store: (lines: string[]) => Promise<void>, batchLines: number): Promise<void> {
    if (this.#isEmpty) return;
    for (const file of await this.#filesToReplay()) {
      let batch: string[] = [];
      for await (const line of createInterface({ input: createReadStream(file) })) {
        // The last line may be cut off: the process died while it was written.
        if (!line.endsWith("}")) continue;
        batch.push(line);
        if (batch.length < batchLines) continue;
        await store(batch);
        batch = [];
      }
      if (batch.length > 0) await store(batch);
      await unlink(file);
    }
    this.#isEmpty = !(await exists(join(this.#folder, FILE)));
  }

  async #filesToReplay(): Promise<string[]> {
    const current = join(this.#folder, FILE);
    if (await exists(current)) await rename(current, `${current}.${Date.now()}${REPLAY_SUFFIX}`);
    const names = await readdir(this.#folder).catch(() => []);
    return names
      .filter((name) => name.endsWith(REPLAY_SUFFIX))
      .sort()
      .map((name) => join(this.#folder, name));
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

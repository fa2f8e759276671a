import { constants, existsSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { access, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AppError, messageOf } from "../kernel/errors.js";
import type { Running } from "../kernel/lifecycle.js";

/** Layout version of the data directory. Raise it when an older program could no longer read the folder. */
const FORMAT = 1;
const FORMAT_FILE = "format";
const LOCK_FILE = "dev.lock";

/** A data directory that this process alone uses until it is closed. */
export interface DataDir extends Running {
  readonly path: string;
  readonly isEphemeral: boolean;
  /** Absolute path of a file or folder inside. */
  file(...names: string[]): string;
}

/**
 * Opens and locks a data directory, making it when missing.
 * @throws AppError DEV001 not writable or foreign, DEV002 in use, DEV003 of a newer version
 */
export async function openDataDir(path: string): Promise<DataDir> {
  const full = resolve(path);
  await makeFolder(full);
  refuseForeign(full);
  await checkFormat(full);
  await lock(full);
  return dataDir(full, { isEphemeral: false, close: async () => unlinkSync(join(full, LOCK_FILE)) });
}

/** A temporary data directory that disappears on close. */
export async function openEphemeralDataDir(): Promise<DataDir> {
  const full = await mkdtemp(join(tmpdir(), "chutes-dev-"));
  await writeFile(join(full, FORMAT_FILE), `${FORMAT}\n`);
  return dataDir(full, { isEphemeral: true, close: () => rm(full, { recursive: true, force: true }) });
}

function dataDir(path: string, options: { isEphemeral: boolean; close: () => Promise<void> }): DataDir {
  let closing: Promise<void> | undefined;
  return {
    path,
    isEphemeral: options.isEphemeral,
    file: (...names) => join(path, ...names),
    close: () => {
      closing ??= options.close();
      return closing;
    },
  };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw notUsable(path, messageOf(cause));
  }
}

function refuseForeign(path: string): void {
  const { uid } = statSync(path);
  if (process.getuid !== undefined && uid !== process.getuid()) throw notUsable(path, `it belongs to user id ${uid}`);
}

function notUsable(path: string, why: string): AppError {
  return new AppError("config", `the data directory ${path} cannot be used: ${why}`, {
    code: "DEV001",
    fix: "give --data-dir a folder of your own",
  });
}

async function checkFormat(path: string): Promise<void> {
  const file = join(path, FORMAT_FILE);
  if (!existsSync(file)) return writeFile(file, `${FORMAT}\n`);
  const found = Number((await readFile(file, "utf8")).trim());
  if (found === FORMAT) return;
  throw new AppError("config", `the data directory ${path} has format ${found}; this program knows ${FORMAT}`, {
    code: "DEV003",
    fix: "run the version that wrote it, or choose another --data-dir",
  });
}

/** The lock is a file with our process id; one left by a dead process is taken over. */
async function lock(path: string): Promise<void> {
  const file = join(path, LOCK_FILE);
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const handle = await open(file, "wx", 0o600);
      await handle.writeFile(`${process.pid}\n`);
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw notUsable(path, messageOf(error));
      const holder = Number(readFileSync(file, "utf8").trim());
      if (isLiveNode(holder)) throw inUse(path, holder);
      unlinkSync(file);
    }
  }
  throw inUse(path, 0);
}

function inUse(path: string, pid: number): AppError {
  return new AppError("locked", `another dev (process ${pid}) is running on ${path}`, {
    code: "DEV002",
    fix: "stop it, or give this one another --data-dir",
  });
}

/** The id of a dead process may have gone to a program that has nothing to do with us. */
function isLiveNode(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const cmdline = `/proc/${pid}/cmdline`;
  return pid === process.pid || !existsSync(cmdline) || /node/.test(readFileSync(cmdline, "utf8"));
}

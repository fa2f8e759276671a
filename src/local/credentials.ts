import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";

/** The generated secrets of one data directory. The file that holds them has mode 0600 and is the only copy. */
export interface Credentials {
  readonly validatorSeed: string;
  readonly walletKey: string;
  readonly pgEncryptionKey: string;
  readonly launchConfigKey: string;
  readonly ipCheckSalt: string;
  readonly exportKey: string;
  readonly redisPassword: string;
  /** Hotkey seed of the first-party account. */
  readonly platformSeed: string;
  readonly minerSeeds: readonly string[];
  /** The developer account that `dev` registers; its API key and fingerprint are added once it exists. */
  readonly developer: {
    readonly seed: string;
    readonly apiKey?: string;
    readonly fingerprint?: string;
    readonly userId?: string;
  };
}

/** Reads the file or makes it; more miners than last time get new seeds. */
export async function loadCredentials(path: string, miners: number): Promise<Credentials> {
  const existing = existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as Credentials) : newCredentials();
  const missing = Math.max(0, miners - existing.minerSeeds.length);
  if (existsSync(path) && missing === 0) return existing;
  const credentials = {
    ...existing,
    minerSeeds: [...existing.minerSeeds, ...Array.from({ length: missing }, secret32)],
  };
  await saveCredentials(path, credentials);
  return credentials;
}

/** Replaces the file whole: a crash leaves the old one. */
export async function saveCredentials(path: string, credentials: Credentials): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function newCredentials(): Credentials {
  return {
    validatorSeed: secret32(),
    walletKey: secret32(),
    pgEncryptionKey: randomBytes(64).toString("hex"),
    launchConfigKey: secret32(),
    ipCheckSalt: secret32(),
    exportKey: secret32(),
    redisPassword: secret32(),
    platformSeed: secret32(),
    minerSeeds: [],
    developer: { seed: secret32() },
  };
}

function secret32(): string {
  return randomBytes(32).toString("hex");
}

import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { loadConfig } from "../kernel/config/load.js";
import type { Config } from "../kernel/config/schema.js";
import { keypairFromSeed } from "../wire/keypair.js";
import type { Credentials } from "./credentials.js";

export interface PlatformAddresses {
  readonly host: string;
  readonly port: number;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly chainUrl: string;
  readonly objectsDir: string;
  readonly spoolDir: string;
}

export const NETUID = 64;
const BASE_DOMAIN = "localhost";

/** Settings of the single-machine platform: the shape of a configuration file, so that every command runs against it. */
export function platformSettings(credentials: Credentials, at: PlatformAddresses): Record<string, unknown> {
  return {
    environment: "dev",
    baseDomain: BASE_DOMAIN,
    publicUrl: `http://localhost:${at.port}`,
    netuid: NETUID,
    listen: { host: at.host, apiPort: at.port },
    postgres: { url: at.postgresUrl, poolSize: 8 },
    redis: { url: at.redisUrl },
    objectStore: { url: `file://${at.objectsDir}` },
    chain: { url: at.chainUrl },
    validator: { seed: credentials.validatorSeed, ss58: keypairFromSeed(credentials.validatorSeed).address },
    accounts: {
      allAccountsFree: true,
      registrationPerIpDay: 0,
      walletKey: credentials.walletKey,
      pgEncryptionKey: credentials.pgEncryptionKey,
      launchConfigKey: credentials.launchConfigKey,
      ipCheckSalt: credentials.ipCheckSalt,
    },
    gateway: { rateLimitCount: 0, spoolDir: at.spoolDir },
    instances: { allowPrivateHosts: true },
    gpuVerification: { mode: "skip", allowInsecureKeys: true },
    audit: { exportKey: credentials.exportKey },
    // A killed dev leaves its leases behind; the next start should not wait long for them.
    jobs: { metasyncSeconds: 10, scoresSeconds: 15, modelListSeconds: 2, leaseSeconds: 4 },
  };
}

/** Writes the settings where every other command can read them (`--config`), mode 0600, and returns them checked. */
export async function writePlatformConfig(
  path: string,
  settings: Record<string, unknown>,
  logLevel: string,
): Promise<Config> {
  const text = `# Written by \`chutes-validator dev\` at every start; other commands read it with --config.\n${stringify(settings)}`;
  await writeFile(path, text, { mode: 0o600 });
  return loadConfig({ env: {}, overrides: { ...settings, log: { level: logLevel } } });
}

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Context } from "../../src/kernel/context.js";
import type { Logger } from "../../src/kernel/logger.js";
import { start } from "../../src/services/api/index.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";

export interface ApiServiceOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly log: Logger;
  /** Settings that differ, by section. */
  readonly overrides?: Record<string, unknown>;
}

/** A key of nobody's platform. */
const VALIDATOR_SEED = "22".repeat(32);

/** What `serve api` gets, for a service of its own on any free port. No worker runs beside it, and its chain is away. */
export async function apiContext({ databaseUrl, redisUrl, log, overrides = {} }: ApiServiceOptions): Promise<Context> {
  await initCrypto();
  const settings = {
    environment: "dev",
    listen: { host: "127.0.0.1", apiPort: 0, trustedProxies: "127.0.0.1" },
    postgres: { url: databaseUrl, poolSize: 4 },
    redis: { url: redisUrl },
    objectStore: { url: `file://${mkdtempSync(join(tmpdir(), "chutes-objects-"))}` },
    chain: { url: "http://127.0.0.1:1" },
    validator: { seed: VALIDATOR_SEED, ss58: keypairFromSeed(VALIDATOR_SEED).address },
    accounts: {
      registrationPerIpDay: 0,
      walletKey: "0f".repeat(32),
      pgEncryptionKey: "a passphrase",
      launchConfigKey: "a launch key",
      ipCheckSalt: "salt",
    },
    gpuVerification: { mode: "skip" },
    ...overrides,
  };
  const { signal } = new AbortController();
  return { config: loadConfig({ env: {}, overrides: settings }), log, now: () => new Date(), signal };
}

export interface ApiService {
  readonly url: string;
  close(): Promise<void>;
}

/** One api service that listens. */
export async function startApiService(options: ApiServiceOptions): Promise<ApiService> {
  const running = await start(await apiContext(options));
  return { url: `http://127.0.0.1:${running.port}`, close: () => running.close() };
}

import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { stringify } from "yaml";
import { openPostgres } from "../../src/infra/postgres/client.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Config } from "../../src/kernel/config/schema.js";
import { seedPlatformAccount } from "../../src/local/demo.js";
import { freePort } from "../../src/local/embedded-postgres.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { type RunningBinary, startBinary } from "./binary.js";
import { startRedisServer } from "./redis-server.js";

export interface PlatformProcesses {
  readonly config: Config;
  readonly configFile: string;
  readonly platformSeed: string;
  /** Miner processes by hotkey. */
  readonly miners: ReadonlyMap<string, RunningBinary>;
  /** Stops everything that still runs; exit codes in no particular order. */
  close(): Promise<(number | null)[]>;
}

export interface ProcessesOptions {
  readonly databaseUrl: string;
  readonly miners: number;
  readonly minerFlags?: readonly string[];
  /** Settings of the accounts section; by default everybody is free. */
  readonly accounts?: Readonly<Record<string, unknown>>;
}

const ENV = { LOG_LEVEL: "warn" };
const secret = () => randomBytes(32).toString("hex");

/** Chain, services and miners as processes of their own, with a real Redis; undefined when the machine has none. */
export async function startPlatformProcesses(options: ProcessesOptions): Promise<PlatformProcesses | undefined> {
  const redis = await startRedisServer();
  if (redis === undefined) return undefined;
  await initCrypto();
  const dir = mkdtempSync(join(tmpdir(), "separate-"));
  const [api = 0, socket = 0, events = 0, worker = 0, chain = 0] = await Promise.all([1, 2, 3, 4, 5].map(freePort));
  const validatorSeed = secret();
  const validator = keypairFromSeed(validatorSeed).address;
  const settings = {
    environment: "dev",
    publicUrl: `http://localhost:${api}`,
    listen: { host: "127.0.0.1", apiPort: api, socketPort: socket, eventsPort: events, workerPort: worker },
    postgres: { url: options.databaseUrl },
    redis: { url: redis.url },
    objectStore: { url: `file://${join(dir, "objects")}` },
    chain: { url: `http://127.0.0.1:${chain}` },
    validator: { seed: validatorSeed, ss58: validator },
    accounts: {
      allAccountsFree: true,
      registrationPerIpDay: 0,
      walletKey: secret(),
      pgEncryptionKey: secret(),
      launchConfigKey: secret(),
      ipCheckSalt: secret(),
      ...options.accounts,
    },
    instances: { allowPrivateHosts: true },
    gpuVerification: { mode: "skip", allowInsecureKeys: true },
    audit: { exportKey: secret() },
    jobs: { metasyncSeconds: 2 },
  };
  const configFile = join(dir, "config.yaml");
  writeFileSync(configFile, stringify(settings), { mode: 0o600 });
  const minerSeeds = Array.from({ length: options.miners }, secret);
  const hotkeys = minerSeeds.map((seed) => keypairFromSeed(seed).address);
  const members = ["--validator", validator, ...hotkeys.flatMap((hotkey) => ["--miner", hotkey])];
  const processes = [startBinary(["dev", "chain", "--config", configFile, "--port", String(chain), ...members], ENV)];
  const platformSeed = secret();
  const config = loadConfig({ env: {}, file: configFile });
  const db = openPostgres({ url: options.databaseUrl, poolSize: 1, statementTimeoutMs: 10_000 });
  await seedPlatformAccount(db, config, { seed: platformSeed, now: new Date() });
  await db.destroy();
  for (const service of ["worker", "api", "socket", "events"])
    processes.push(startBinary(["serve", service, "--config", configFile], ENV));
  for (const port of [api, socket, events, worker])
    await vi.waitFor(() => answers(port), { timeout: 60_000, interval: 200 });
  const miners = new Map<string, RunningBinary>();
  for (const [index, seed] of minerSeeds.entries()) {
    const identity = join(dir, `miner-${index}.json`);
    writeFileSync(identity, JSON.stringify({ seed }), { mode: 0o600 });
    const addresses = [
      "--api",
      `http://localhost:${api}`,
      "--socket",
      `http://localhost:${socket}`,
      "--validator",
      validator,
    ];
    miners.set(
      hotkeys[index] ?? "",
      startBinary(["dev", "miner", ...addresses, "--identity", identity, ...(options.minerFlags ?? [])], ENV),
    );
  }
  const all = [...processes, ...miners.values()].reverse();
  return {
    config,
    configFile,
    platformSeed,
    miners,
    async close() {
      const codes = await Promise.all(
        all
          .filter(({ child }) => child.exitCode === null && child.signalCode === null)
          .map((one) => one.stop("SIGTERM")),
      );
      await redis.close();
      return codes;
    },
  };
}

/** @throws when nothing answers yet; any answer will do */
async function answers(port: number): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/ping`);
}

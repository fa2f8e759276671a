import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect } from "vitest";
import { stringify } from "yaml";
import { openPostgres } from "../../src/infra/postgres/client.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import { seedPlatformAccount } from "../../src/local/demo.js";
import { freePort } from "../../src/local/embedded-postgres.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { build, runBinary, startBinary } from "../support/binary.js";
import { test } from "../support/fixtures.js";
import { startRedisServer } from "../support/redis-server.js";

beforeAll(build, 120_000);

const seed = () => randomBytes(32).toString("hex");

test("the tour passes against separate processes with real Redis and Postgres", async ({ databaseUrl, skip }) => {
  const redis = await startRedisServer();
  if (redis === undefined) return skip("no redis-server or valkey-server on this machine");
  await initCrypto();
  const dir = mkdtempSync(join(tmpdir(), "separate-"));
  const [api, socket, events, worker, chain] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const validatorSeed = seed();
  const minerSeed = seed();
  const settings = {
    environment: "dev",
    publicUrl: `http://localhost:${api}`,
    listen: { host: "127.0.0.1", apiPort: api, socketPort: socket, eventsPort: events, workerPort: worker },
    postgres: { url: databaseUrl },
    redis: { url: redis.url },
    objectStore: { url: `file://${join(dir, "objects")}` },
    chain: { url: `http://127.0.0.1:${chain}` },
    validator: { seed: validatorSeed, ss58: keypairFromSeed(validatorSeed).address },
    accounts: {
      allAccountsFree: true,
      registrationPerIpDay: 0,
      walletKey: seed(),
      pgEncryptionKey: seed(),
      launchConfigKey: seed(),
      ipCheckSalt: seed(),
    },
    instances: { allowPrivateHosts: true },
    gpuVerification: { mode: "skip", allowInsecureKeys: true },
    audit: { exportKey: seed() },
    jobs: { metasyncSeconds: 2 },
  };
  const file = join(dir, "config.yaml");
  writeFileSync(file, stringify(settings), { mode: 0o600 });
  const minerFile = join(dir, "miner.json");
  writeFileSync(minerFile, JSON.stringify({ seed: minerSeed }), { mode: 0o600 });
  const miner = keypairFromSeed(minerSeed).address;
  const env = { LOG_LEVEL: "warn" };
  const processes = [
    startBinary(
      [
        "dev",
        "chain",
        "--config",
        file,
        "--port",
        String(chain),
        "--validator",
        settings.validator.ss58,
        "--miner",
        miner,
      ],
      env,
    ),
  ];
  try {
    const db = openPostgres({ url: databaseUrl, poolSize: 1, statementTimeoutMs: 10_000 });
    await seedPlatformAccount(db, loadConfig({ env: {}, file }), { seed: seed(), now: new Date() });
    await db.destroy();
    for (const service of ["worker", "api", "socket", "events"])
      processes.push(startBinary(["serve", service, "--config", file], env));
    for (const port of [api, socket, events, worker])
      await expect.poll(() => answers(port), { timeout: 60_000, interval: 200 }).toBe(true);
    processes.push(
      startBinary(
        [
          "dev",
          "miner",
          "--api",
          `http://localhost:${api}`,
          "--socket",
          `http://localhost:${socket}`,
          "--validator",
          settings.validator.ss58,
          "--identity",
          minerFile,
        ],
        env,
      ),
    );
    const tour = await runBinary(["dev", "tour", "--config", file, "--json"]);
    expect(tour.stderr + tour.stdout).toContain('"steps"');
    expect(tour.code).toBe(0);
  } finally {
    const codes = await Promise.all(processes.reverse().map((process) => process.stop("SIGTERM")));
    await redis.close();
    expect(codes).toEqual(codes.map(() => 0));
  }
}, 240_000);

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/ping`).then(
    () => true,
    () => false,
  );
}

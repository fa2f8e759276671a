// Child of the generated-input suite: the api service on a local chain, in a process whose memory is its own.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadConfig } from "../../src/kernel/config/load.js";
import { createLogger } from "../../src/kernel/logger.js";
import { startStandaloneChain } from "../../src/local/standalone-chain.js";
import { start } from "../../src/services/api/index.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";

export interface ServerTask {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly objectStoreUrl: string;
  readonly validatorSeed: string;
  readonly minerHotkey: string;
}

export interface ServerReady {
  readonly port: number;
}

const gc = (globalThis as { gc?: () => void }).gc;

async function serve(task: ServerTask): Promise<ServerReady> {
  await initCrypto();
  const log = createLogger({ level: "error", secrets: [] });
  const now = () => new Date();
  const { signal } = new AbortController();
  const validator = keypairFromSeed(task.validatorSeed).address;
  // No card is known: the hub must not be the reason for a slow or a failed answer.
  const hub = createServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => hub.once("listening", resolve));
  const settings = {
    environment: "dev",
    baseDomain: "fuzz.test",
    listen: { host: "127.0.0.1", apiPort: 0, trustedProxies: "" },
    postgres: { url: task.databaseUrl, poolSize: 10, statementTimeoutMs: 5000 },
    redis: { url: task.redisUrl },
    objectStore: { url: task.objectStoreUrl },
    validator: { seed: task.validatorSeed, ss58: validator },
    accounts: {
      registrationPerIpDay: 0,
      walletKey: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      pgEncryptionKey: "fuzz-passphrase",
      launchConfigKey: "fuzz-launch",
      ipCheckSalt: "fuzz-salt",
      validatorHotkeys: validator,
    },
    deploy: { maxPerDay: 0, modelHubUrl: `http://127.0.0.1:${(hub.address() as AddressInfo).port}` },
    pricing: { taoUsd: 400 },
    gateway: { rateLimitCount: 0, maxBodyBytes: 2_000_000 },
    instances: { allowPrivateHosts: true },
    gpuVerification: { mode: "skip", allowInsecureKeys: true },
  };
  const withoutChain = { config: loadConfig({ env: {}, overrides: settings }), log, now, signal };
  const chain = await startStandaloneChain(withoutChain, { validator, miners: [task.minerHotkey], port: 0 });
  const config = loadConfig({ env: {}, overrides: { ...settings, chain: { url: chain.url } } });
  const api = await start({ config, log, now, signal });
  return { port: api.port ?? 0 };
}

process.on("message", (message: ServerTask | "memory") => {
  if (message === "memory") {
    gc?.();
    process.send?.(process.memoryUsage());
    return;
  }
  serve(message).then(
    (ready) => process.send?.(ready),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());

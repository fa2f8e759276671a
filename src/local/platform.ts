import { mkdir } from "node:fs/promises";
import { openPostgres } from "../infra/postgres/client.js";
import { migrate } from "../infra/postgres/migrate.js";
import { secretValues } from "../kernel/config/load.js";
import { createLogger } from "../kernel/logger.js";
import type { Step } from "../kernel/step.js";
import { SERVICES, type ServiceName } from "../services/registry.js";
import type { RunningService } from "../services/running-service.js";
import { initCrypto, keypairFromSeed } from "../wire/keypair.js";
import { serveLocalChain } from "./chain/chain-server.js";
import { createLocalChain } from "./chain/local-chain.js";
import { loadCredentials } from "./credentials.js";
import { openDataDir, openEphemeralDataDir } from "./data-dir.js";
import { deployDemoChute, seedAccounts } from "./demo.js";
import { freePort, startEmbeddedPostgres } from "./embedded-postgres.js";
import { startFront } from "./front.js";
import { startMiners, waitUntilDemoIsHot } from "./local-miners.js";
import { NETUID, platformSettings, writePlatformConfig } from "./platform-config.js";
import { made, type PlatformState } from "./platform-state.js";
import { startLocalRedis } from "./redis-child.js";
import { BLOCK_TIME_MS, registerMembers, WEIGHTS_RATE_LIMIT_BLOCKS } from "./standalone-chain.js";

/** Everything `dev` starts, in order. Each step adds what it opened to `state.stack`; closing that stops all of it. */
export const PLATFORM_STEPS: readonly Step<PlatformState>[] = [
  { title: "Data directory", run: openData },
  { title: "Postgres", run: openDatabase },
  { title: "Redis", run: openRedisServer },
  { title: "Local chain", run: openChainServer },
  { title: "Services: api, socket, events, worker", run: startServices },
  { title: "Accounts and demo image", run: seedAccounts },
  { title: "Open miner", run: startMiners },
  { title: "Demo chute", run: deployDemoChute },
  { title: "First instance", run: waitUntilDemoIsHot },
];

async function openData(state: PlatformState): Promise<void> {
  await initCrypto();
  const { dataDir, miners } = state.options;
  state.dir = state.stack.use(dataDir === undefined ? await openEphemeralDataDir() : await openDataDir(dataDir));
  for (const name of ["objects", "spool"]) await mkdir(state.dir.file(name), { recursive: true, mode: 0o700 });
  state.credentials = await loadCredentials(state.dir.file("credentials.json"), miners);
}

async function openDatabase(state: PlatformState): Promise<void> {
  const { log, signal, onLost } = state.options;
  const dir = made(state.dir, "the data directory");
  // A temporary directory is thrown away: its server need not wait for the disk.
  const settings = dir.isEphemeral ? ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] : [];
  const postgres = state.stack.use(
    await startEmbeddedPostgres({ dir: dir.file("postgres"), log, signal, onLost, settings }),
  );
  state.postgres = postgres;
  await postgres.createDatabase("platform");
  await postgres.createDatabase("chain");
  await migrate(postgres.url("platform"));
}

async function openRedisServer(state: PlatformState, note: (text: string) => void): Promise<void> {
  const { log, searchPath } = state.options;
  const dir = made(state.dir, "the data directory").path;
  const password = made(state.credentials, "the credentials").redisPassword;
  state.redis = state.stack.use(await startLocalRedis({ dir, password, log, searchPath }));
  if (state.redis.url === "memory:") note("no redis-server on PATH: shared memory lives in this process");
}

async function openChainServer(state: PlatformState): Promise<void> {
  const { log, now } = state.options;
  const credentials = made(state.credentials, "the credentials");
  const db = openPostgres({
    url: made(state.postgres, "Postgres").url("chain"),
    poolSize: 4,
    statementTimeoutMs: 10_000,
  });
  state.stack.add(() => db.destroy());
  const rules = { rateLimitBlocks: WEIGHTS_RATE_LIMIT_BLOCKS };
  const chain = await createLocalChain({ db, log, now, blockTimeMs: BLOCK_TIME_MS, netuid: NETUID, rules });
  const validator = keypairFromSeed(credentials.validatorSeed).address;
  const miners = credentials.minerSeeds.map((seed) => keypairFromSeed(seed).address);
  await registerMembers(chain, { validator, miners });
  const server = state.stack.use(await serveLocalChain(chain, log, { host: "127.0.0.1", port: await freePort() }));
  state.chainUrl = server.url;
}

async function startServices(state: PlatformState): Promise<void> {
  const { options } = state;
  const dir = made(state.dir, "the data directory");
  // The port must be known before the services start: they put it into the URLs they hand out.
  const port = options.port === 0 ? await freePort() : options.port;
  const settings = platformSettings(made(state.credentials, "the credentials"), {
    host: options.host,
    port,
    postgresUrl: made(state.postgres, "Postgres").url("platform"),
    redisUrl: made(state.redis, "Redis").url,
    chainUrl: made(state.chainUrl, "the chain"),
    objectsDir: dir.file("objects"),
    spoolDir: dir.file("spool"),
  });
  const config = await writePlatformConfig(dir.file("config.yaml"), settings, options.logLevel);
  state.config = config;
  // From here on there are secrets that a message could carry.
  const log = createLogger({ level: options.logLevel, secrets: secretValues(config) });
  state.ctx = { config, log, now: options.now, signal: options.signal };
  const services = new Map<ServiceName, RunningService>();
  for (const name of ["worker", "api", "socket", "events"] as const) {
    const start = await SERVICES[name]();
    services.set(name, state.stack.use(await start(state.ctx, { listen: false })));
  }
  const server = (name: ServiceName) => made(services.get(name), name).server;
  const byLabel = new Map([
    ["socket", server("socket")],
    ["ws", server("socket")],
    ["events", server("events")],
    ["worker", server("worker")],
  ]);
  const front = state.stack.use(await startFront({ byLabel, fallback: server("api") }, { host: options.host, port }));
  state.port = front.port;
}

// What clients poll, read with an API key: `npm run bench -- reads [seconds]`.
// One api process, real Postgres and Redis, the load in a process of its own, all on this machine.
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openPostgres } from "../src/infra/postgres/client.js";
import { migrate } from "../src/infra/postgres/migrate.js";
import { CloseStack } from "../src/kernel/lifecycle.js";
import { createLogger } from "../src/kernel/logger.js";
import { freePort, startEmbeddedPostgres } from "../src/local/embedded-postgres.js";
import { initCrypto, keypairFromSeed } from "../src/wire/keypair.js";
import { machine } from "./machine.js";
import { CHUTES, fillForReads, INSTANCES } from "./reads-data.js";
import type { LoadReport, LoadTask } from "./reads-load.js";

const SECONDS = Number(process.argv[2] ?? 10);
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 32;
const SEED = "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
const READS = [
  { path: "/users/me", targetRps: 4000 },
  { path: "/chutes/?limit=25", targetRps: 1500 },
  { path: "/chutes/?limit=25&include_public=true", targetRps: 1500 },
] as const;

const root = join(import.meta.dirname, "..");
const stack = new CloseStack();
const dir = mkdtempSync(join(tmpdir(), "chutes-bench-"));
stack.add(() => rmSync(dir, { recursive: true, force: true }));

/** Ends a child and waits for it. */
function endsWithUs(child: ChildProcess): void {
  stack.add(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  });
}

async function startDatabases(): Promise<{ postgresUrl: string; redisUrl: string }> {
  const log = createLogger({ level: "error", secrets: [] });
  const { signal } = new AbortController();
  const postgres = stack.use(await startEmbeddedPostgres({ dir: join(dir, "postgres"), log, signal }));
  await postgres.createDatabase("bench");
  await migrate(postgres.url("bench"));
  const port = await freePort();
  const redis = spawn("redis-server", ["--port", String(port), "--save", "", "--appendonly", "no", "--dir", dir], {
    stdio: "ignore",
  });
  endsWithUs(redis);
  return { postgresUrl: postgres.url("bench"), redisUrl: `redis://127.0.0.1:${port}/0` };
}

async function startApi(urls: { postgresUrl: string; redisUrl: string }): Promise<string> {
  execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: "inherit" });
  await initCrypto();
  const port = await freePort();
  // E.g. BENCH_NODE_ARGS="--cpu-prof --cpu-prof-dir=…", to see where the time goes.
  const nodeArgs = (process.env["BENCH_NODE_ARGS"] ?? "").split(" ").filter(Boolean);
  const child = spawn(process.execPath, [...nodeArgs, join(root, "bin/run.js"), "serve", "api"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"] ?? "",
      CHUTES_ENV: "dev",
      LOG_LEVEL: "warn",
      BASE_DOMAIN: "bench.test",
      LISTEN_HOST: "127.0.0.1",
      API_PORT: String(port),
      POSTGRES_URL: urls.postgresUrl,
      REDIS_URL: urls.redisUrl,
      OBJECT_STORE_URL: `file://${join(dir, "objects")}`,
      SUBTENSOR_ADDRESS: "http://127.0.0.1:9",
      VALIDATOR_SEED: SEED,
      VALIDATOR_SS58: keypairFromSeed(SEED).address,
      WALLET_KEY: "00".repeat(32),
      PG_ENCRYPTION_KEY: "bench-passphrase",
      LAUNCH_CONFIG_KEY: "bench-launch",
      IP_CHECK_SALT: "bench-salt",
      TAO_USD: "400",
    },
  });
  endsWithUs(child);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 300; tries += 1) {
    const isUp = await fetch(`${url}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return url;
    await delay(100);
  }
  throw new Error("the api did not start");
}

/** A bare route with the same bytes, in a process of its own. */
async function startBare(body: string): Promise<{ url: string; end: () => void }> {
  const child = fork(join(import.meta.dirname, "reads-bare.ts"), { execArgv: ["--import", "tsx"] });
  child.send(body);
  const [url] = (await once(child, "message")) as [string | { error: string }];
  if (typeof url !== "string") throw new Error(url.error);
  return { url, end: () => child.disconnect() };
}

/** autocannon in a process of its own. */
async function load(url: string, authorization: string, seconds: number): Promise<LoadReport> {
  const child = fork(join(import.meta.dirname, "reads-load.ts"), { execArgv: ["--import", "tsx"] });
  const task: LoadTask = { url, authorization, seconds, connections: CONNECTIONS };
  child.send(task);
  const [report] = (await once(child, "message")) as [LoadReport | { error: string }];
  child.disconnect();
  if ("error" in report) throw new Error(report.error);
  return report;
}

const shown = ({ rps, p50, p99, failures }: LoadReport) =>
  `${rps.toFixed(0).padStart(6)} rps  p50 ${p50} ms  p99 ${p99} ms  failures ${failures}`;

async function measure(api: string, authorization: string, { path, targetRps }: (typeof READS)[number]): Promise<void> {
  const answer = await fetch(api + path, { headers: { authorization } });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${body}`);
  const bare = await startBare(body);
  await load(api + path, authorization, WARM_UP_SECONDS);
  const service = await load(api + path, authorization, SECONDS);
  await load(bare.url, authorization, WARM_UP_SECONDS);
  const limit = await load(bare.url, authorization, SECONDS);
  bare.end();
  const verdict = service.rps >= targetRps && service.failures === 0 ? "met" : "MISSED";
  console.log(`GET ${path} (${Buffer.byteLength(body)} bytes)`);
  console.log(`  api      ${shown(service)}   target ${targetRps} rps: ${verdict}`);
  console.log(`  bare     ${shown(limit)}   api / bare ${(service.rps / limit.rps).toFixed(2)}`);
}

async function main(): Promise<void> {
  console.log(machine());
  const urls = await startDatabases();
  const db = openPostgres({ url: urls.postgresUrl, poolSize: 2, statementTimeoutMs: 30_000 });
  stack.add(() => db.destroy());
  const authorization = `Bearer ${await fillForReads(db)}`;
  const api = await startApi(urls);
  console.log(
    `${CHUTES} chutes, ${INSTANCES} instances, ${CONNECTIONS} connections, ${SECONDS} s each, load beside it`,
  );
  for (const read of READS) await measure(api, authorization, read);
}

try {
  await main();
} finally {
  await stack.close();
}

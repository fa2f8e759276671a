// The gateway, beside nginx in front of the same engine: `npm run bench -- gateway [seconds]`.
// One api process, real Postgres and Redis, load and engine in processes of their own, all on this machine.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Db, openPostgres } from "../src/infra/postgres/client.js";
import { freePort } from "../src/local/embedded-postgres.js";
import { apiKeyHash, newApiKey } from "../src/wire/api-key.js";
import { TEMPLATE_CORDS } from "../src/wire/cords.js";
import type { LoadReport, LoadTask } from "./gateway-load.js";
import { machine, percentile } from "./machine.js";
import { BenchProcesses } from "./processes.js";

const SECONDS = Number(process.argv[2] ?? 8);
const CONNECTIONS = 32;
const STREAMS = 128;
const FRAMES = 250;
const FRAMES_PER_SECOND = 50;
const TARGET = { rps: 1000, addedMs: 3, frameDelayMs: 60 };
const USER_ID = "11111111-1111-4111-8111-111111111111";
const KEY_ID = "22222222-2222-4222-8222-222222222222";
const CHUTE_ID = "33333333-3333-4333-8333-333333333333";
const AT = new Date("2026-01-07T10:00:00Z");

const processes = new BenchProcesses();
const { dir, stack } = processes;

interface EngineInfo {
  readonly instancePort: number;
  readonly enginePort: number;
  readonly configId: string;
  readonly transport: unknown;
}

function forkChild(file: string): ChildProcess {
  const child = fork(join(import.meta.dirname, file), { execArgv: ["--import", "tsx"] });
  processes.endsWithUs(child);
  return child;
}

/** A paying user with an API key, a public language model, and the engine as its one instance. */
async function fill(db: Db, engine: EngineInfo): Promise<string> {
  const apiKey = newApiKey({ apiKeyId: KEY_ID, userId: USER_ID });
  const unlimited = 1 << 5;
  const user = { user_id: USER_ID, username: "bench", coldkey: "c", payment_address: "p", wallet_secret: "w" };
  await db
    .insertInto("users")
    .values({
      ...user,
      fingerprint_hash: "f",
      permissions_bitmask: unlimited,
      balance_micro_usd: 1_000_000_000_000n,
      created_at: AT,
      updated_at: AT,
    })
    .execute();
  const quota = { user_id: USER_ID, chute_id: "*", is_default: true, quota: 0, updated_at: AT };
  await db.insertInto("invocation_quotas").values(quota).execute();
  const key = { api_key_id: KEY_ID, user_id: USER_ID, key_hash: apiKeyHash(apiKey), admin: true, name: "bench" };
  await db
    .insertInto("api_keys")
    .values({ ...key, created_at: AT })
    .execute();
  const image = { image_id: "image", user_id: USER_ID, name: "engine", tag: "1", status: "built and pushed" };
  await db
    .insertInto("images")
    .values({ ...image, created_at: AT })
    .execute();
  await db
    .insertInto("chutes")
    .values({
      chute_id: CHUTE_ID,
      user_id: USER_ID,
      name: "bench/model",
      image_id: "image",
      public: true,
      standard_template: "vllm",
      cords: JSON.stringify(TEMPLATE_CORDS.vllm),
      node_selector: JSON.stringify({ gpu_count: 1 }),
      slug: "bench-model",
      code: "",
      filename: "app.py",
      ref_str: "app:chute",
      version: "v1",
      concurrency: 1024,
      chutes_version: "0.6.10",
      created_at: AT,
      updated_at: AT,
    })
    .execute();
  await db
    .insertInto("instances")
    .values({
      instance_id: "44444444-4444-4444-8444-444444444444",
      chute_id: CHUTE_ID,
      config_id: engine.configId,
      version: "v1",
      chutes_version: "0.6.10",
      miner_uid: 1,
      miner_hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
      miner_coldkey: "c",
      host: "127.0.0.1",
      port: engine.instancePort,
      active: true,
      verified: true,
      transport: JSON.stringify(engine.transport),
      created_at: AT,
      updated_at: AT,
      activated_at: AT,
    })
    .execute();
  return apiKey;
}

async function startNginx(enginePort: number): Promise<number | undefined> {
  const port = await freePort();
  const config = `
daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
  uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  upstream engine { server 127.0.0.1:${enginePort}; keepalive 256; }
  server { listen 127.0.0.1:${port}; keepalive_requests 1000000;
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }
}`;
  writeFileSync(join(dir, "nginx.conf"), config);
  const child = spawn("nginx", ["-p", dir, "-c", join(dir, "nginx.conf")], { stdio: ["ignore", "ignore", "inherit"] });
  const failed = once(child, "error").then(() => true);
  const isMissing = await Promise.race([failed, delay(300, false)]);
  if (isMissing) return undefined;
  processes.endsWithUs(child, "SIGQUIT");
  return port;
}

/** CPU seconds a process has used so far, with its children when it has any. */
function cpuSeconds(pid: number): number {
  const own = statOf(pid);
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter(({ parent }) => parent === pid);
  return [own, ...children].reduce((sum, { seconds }) => sum + seconds, 0);
}

function statOf(pid: number): { parent: number; seconds: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return { parent: 0, seconds: 0 };
  }
}

/** CPU that each process used for one unit of work, microseconds. */
function meter(pids: Readonly<Record<string, number>>): (units: number) => string {
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, seconds: cpuSeconds(pid) }));
  return (units) =>
    before
      .map(({ name, pid, seconds }) => `${name} ${(((cpuSeconds(pid) - seconds) / units) * 1e6).toFixed(0)}`)
      .join(", ");
}

async function load(child: ChildProcess, task: LoadTask): Promise<LoadReport> {
  child.send(task);
  const [report] = (await once(child, "message")) as [LoadReport & { error?: string }];
  if (report.error !== undefined) throw new Error(report.error);
  return report;
}

interface Side {
  readonly name: string;
  readonly port: number;
}

const ms = (value: number) => `${value.toFixed(2)} ms`;

interface World {
  readonly loader: ChildProcess;
  /** The engine itself, nginx if installed, the gateway. */
  readonly sides: readonly Side[];
  readonly pids: Readonly<Record<string, number>>;
  readonly task: (side: Side, more: Partial<LoadTask>) => LoadTask;
}

async function main(): Promise<void> {
  console.log(machine());
  const urls = await processes.startDatabases();
  const db = openPostgres({ url: urls.postgresUrl, poolSize: 2, statementTimeoutMs: 30_000 });
  stack.add(() => db.destroy());
  const engineChild = forkChild("gateway-instance.ts");
  const [engine] = (await once(engineChild, "message")) as [EngineInfo];
  const apiKey = await fill(db, engine);
  const api = await processes.startApi(urls);
  const nginxPort = await startNginx(engine.enginePort);
  if (nginxPort === undefined) console.log("nginx is not installed: its lines are missing");
  const loader = forkChild("gateway-load.ts");
  const base = { host: "llm.bench.test", authorization: `Bearer ${apiKey}`, connections: 1, seconds: SECONDS };
  const world: World = {
    loader,
    sides: [
      { name: "engine", port: engine.enginePort },
      ...(nginxPort === undefined ? [] : [{ name: "nginx", port: nginxPort }]),
      { name: "gateway", port: api.port },
    ],
    pids: {
      api: api.pid,
      instance: engineChild.pid ?? 0,
      load: loader.pid ?? 0,
      redis: urls.redisPid,
      postgres: urls.postgresPid,
    },
    task: (side, more) => ({ ...base, port: side.port, ...more }),
  };
  await load(loader, world.task({ name: "gateway", port: api.port }, { connections: CONNECTIONS, seconds: 3 }));
  await oneAtATime(world);
  await manyAtATime(world);
  await streams(world);
  await verifyRows(db);
}

async function oneAtATime({ loader, sides, task }: World): Promise<void> {
  const p50 = new Map<string, number>();
  for (const side of sides) {
    const { timesMs } = await load(loader, task(side, { seconds: SECONDS / 2 }));
    p50.set(side.name, percentile(timesMs, 0.5));
    console.log(`one at a time   ${side.name.padEnd(8)} ${times(timesMs)}`);
  }
  const added = (p50.get("gateway") ?? 0) - (p50.get("engine") ?? 0);
  verdict("added p50", added, { limit: TARGET.addedMs, unit: "ms", isMost: true });
}

async function manyAtATime({ loader, sides, task, pids }: World): Promise<void> {
  const rates = new Map<string, number>();
  for (const side of sides) {
    const spent = meter(pids);
    const { requests, seconds, timesMs, failures } = await load(loader, task(side, { connections: CONNECTIONS }));
    const rps = requests / seconds;
    rates.set(side.name, rps);
    const rate = `${rps.toFixed(0).padStart(6)} rps`;
    console.log(`${CONNECTIONS} at a time    ${side.name.padEnd(8)} ${rate}  ${times(timesMs)}  failures ${failures}`);
    if (side.name === "gateway") console.log(`  CPU µs a request: ${spent(requests)}`);
  }
  const rps = rates.get("gateway") ?? 0;
  const nginx = rates.get("nginx");
  if (nginx !== undefined)
    console.log(`  gateway / nginx ${(rps / nginx).toFixed(2)}: signed, encrypted, metered / passed on`);
  verdict("gateway", rps, { limit: TARGET.rps, unit: "rps", isMost: false });
}

async function streams({ loader, sides, task, pids }: World): Promise<void> {
  const p99 = new Map<string, number>();
  for (const side of sides) {
    const spent = meter(pids);
    const { timesMs, frames } = await load(loader, task(side, { connections: STREAMS, frames: FRAMES }));
    p99.set(side.name, percentile(timesMs, 0.99));
    const lost = STREAMS * FRAMES - frames;
    console.log(
      `${STREAMS} × ${FRAMES_PER_SECOND} frames/s  ${side.name.padEnd(8)} frame delay ${times(timesMs)}  lost ${lost}`,
    );
    if (side.name === "gateway") console.log(`  CPU µs a frame: ${spent(frames)}`);
  }
  const added = (p99.get("gateway") ?? 0) - (p99.get("engine") ?? 0);
  verdict("added frame delay p99", added, { limit: TARGET.frameDelayMs, unit: "ms", isMost: true });
}

function times(timesMs: readonly number[]): string {
  return `p50 ${ms(percentile(timesMs, 0.5))}  p99 ${ms(percentile(timesMs, 0.99))}`;
}

/** Every answered call must be in the log and in the books. */
async function verifyRows(db: Db): Promise<void> {
  await delay(2000);
  const rows = await db
    .selectFrom("partitioned_invocations")
    .select(({ fn }) => [fn.countAll().as("rows"), fn.sum("amount_micro_usd").as("charged")])
    .executeTakeFirstOrThrow();
  const { balance_micro_usd: balance } = await db
    .selectFrom("users")
    .select("balance_micro_usd")
    .executeTakeFirstOrThrow();
  const isEqual = 1_000_000_000_000n - balance === BigInt(String(rows.charged));
  console.log(`rows stored ${rows.rows}, charged ${rows.charged} µ$, books ${isEqual ? "agree" : "DISAGREE"}`);
}

function verdict(what: string, value: number, target: { limit: number; unit: string; isMost: boolean }): void {
  const holds = target.isMost ? value <= target.limit : value >= target.limit;
  const relation = target.isMost ? "≤" : "≥";
  console.log(
    `  ${holds ? "ok  " : "MISS"} ${what} ${value.toFixed(2)} ${target.unit} (target ${relation} ${target.limit})`,
  );
}

try {
  await main();
} finally {
  await stack.close();
}

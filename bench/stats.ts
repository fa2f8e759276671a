// Usage and statistics over a large log: `npm run bench -- stats [rows] [days]`. Throwaway Postgres, answers through HTTP.
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { createHttpServer } from "../src/infra/http-server/server.js";
import { type Db, openPostgres } from "../src/infra/postgres/client.js";
import { migrate } from "../src/infra/postgres/migrate.js";
import { openRedis } from "../src/infra/redis/client.js";
import { invocationCountJob } from "../src/jobs/invocation-count-job.js";
import { runJobOnce } from "../src/jobs/job-runner.js";
import { rollUpJob } from "../src/jobs/rollup-job.js";
import { loadConfig } from "../src/kernel/config/load.js";
import { CloseStack } from "../src/kernel/lifecycle.js";
import { createLogger } from "../src/kernel/logger.js";
import { createMetrics } from "../src/kernel/metrics.js";
import { startEmbeddedPostgres } from "../src/local/embedded-postgres.js";
import { authHook } from "../src/services/api/auth-hook.js";
import { openDirectory } from "../src/services/api/directory/directory.js";
import { registerInvocation } from "../src/services/api/invocation/register-invocation.js";
import { invocationRoutes } from "../src/services/api/routes/invocation-routes.js";
import { minerMeansRoutes } from "../src/services/api/routes/miner-means-routes.js";
import { statsRoutes } from "../src/services/api/routes/stats-routes.js";
import { usageRoutes } from "../src/services/api/routes/usage-routes.js";
import { apiKeyHash, newApiKey } from "../src/wire/api-key.js";
import { DEFAULT_GPU_TABLE } from "../src/wire/gpu-table.js";
import { initCrypto, keypairFromSeed } from "../src/wire/keypair.js";
import { BUSIEST_CHUTE, BUSIEST_USER, generateInvocations, PLATFORM_USERNAME } from "./generate-invocations.js";
import { machine, percentile } from "./machine.js";

const ROWS = Number(process.argv[2] ?? 10_000_000);
const DAYS = Number(process.argv[3] ?? 60);
const REQUESTS = 300;
const TARGET = { milliseconds: 50, rowsPerSecond: 20_000 };
const END = new Date("2026-01-07T12:00:00Z");
const KEY_ID = "22222222-2222-4222-8222-222222222222";
const SEED = "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
const log = createLogger({ level: "error", secrets: [] });
const config = loadConfig({
  env: {},
  overrides: { environment: "dev", baseDomain: "x.test", platformUsername: PLATFORM_USERNAME },
});
const now = () => END;
const stack = new CloseStack();

async function openDatabase(): Promise<Db> {
  const dir = mkdtempSync(join(tmpdir(), "chutes-bench-stats-"));
  stack.add(() => rmSync(dir, { recursive: true, force: true }));
  const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB"];
  const server = stack.use(await startEmbeddedPostgres({ dir, log, signal: new AbortController().signal, settings }));
  await server.createDatabase("bench");
  await migrate(server.url("bench"));
  const db = openPostgres({ url: server.url("bench"), poolSize: 10, statementTimeoutMs: 600_000 });
  stack.add(() => db.destroy());
  return db;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

/** What a chute's engine said, an API key, and the counts that lists are sorted by. */
async function addActors(db: Db): Promise<string> {
  await sql`
    insert into cache_snapshots (name, body, computed_at)
    select 'llm_details:' || chute_id, jsonb_build_object('id', name, 'root', name, 'object', 'model', 'max_model_len', 131072), ${END}::timestamptz
    from chutes where public and standard_template = 'vllm'`.execute(db);
  const apiKey = newApiKey({ apiKeyId: KEY_ID, userId: BUSIEST_USER });
  const key = { api_key_id: KEY_ID, user_id: BUSIEST_USER, key_hash: apiKeyHash(apiKey), admin: true, name: "bench" };
  await db
    .insertInto("api_keys")
    .values({ ...key, created_at: END })
    .execute();
  return apiKey;
}

/** Runs the job until nothing is stale. @returns rows that were counted */
async function rollUpEverything(db: Db): Promise<number> {
  const deps = { db, log, now, signal: new AbortController().signal, metrics: createMetrics(), leaseSeconds: 30 };
  for (let rows = 0; ; ) {
    const { items, details } = await runJobOnce(deps, rollUpJob({ db, config }));
    rows += items;
    if (details?.["unfinished"] === true) continue;
    await runJobOnce(deps, invocationCountJob({ db, config }));
    return rows;
  }
}

async function startApi(db: Db): Promise<number> {
  await initCrypto();
  const stop = new AbortController();
  stack.add(() => stop.abort());
  const redis = openRedis("memory:bench", log);
  stack.add(() => redis.disconnect());
  const shared = { config, db, redis, log, now, signal: stop.signal };
  const directory = stack.use(await openDirectory({ ...shared, netuid: config.netuid }));
  const app = createHttpServer({ log, maxBodyBytes: 1_000_000, trustedProxies: "" });
  stack.add(() => app.close());
  const signer = keypairFromSeed(SEED);
  const deps = { ...shared, directory, metrics: createMetrics(), signer, gpuTable: DEFAULT_GPU_TABLE };
  await app.register(authHook, deps);
  stack.use(await registerInvocation(app, deps));
  for (const routes of [invocationRoutes, statsRoutes, usageRoutes, minerMeansRoutes]) await app.register(routes, deps);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

interface Asked {
  readonly name: string;
  readonly path: string;
  readonly host?: string;
  /** The same answer straight from the log. */
  readonly baseline?: ReturnType<typeof sql>;
}

const day = sql`(started_at at time zone 'utc')::date`;
const month = sql`to_char(${day}, 'YYYY-MM-DD')`;

function questions(): Asked[] {
  const llm = (where: ReturnType<typeof sql>) => sql`
    select chute_id, ${month} as date, count(*), sum((metrics->>'it')::bigint), sum((metrics->>'ot')::bigint),
      avg(coalesce((metrics->>'otps')::double precision, (metrics->>'ot')::double precision
        / nullif(greatest(extract(epoch from completed_at - started_at) - (metrics->>'ttft')::double precision, 0), 0))),
      avg((metrics->>'ttft')::double precision)
    from partitioned_invocations where error_message is null and metrics->>'it' is not null and ${where} group by 1, 2`;
  const week = new Date(END.getTime() - 6 * 86_400_000).toISOString().slice(0, 10);
  return [
    {
      name: "usage",
      path: "/invocations/usage",
      baseline: sql`select chute_id, ${month}, sum(amount_micro_usd), count(*) from partitioned_invocations
        where error_message is null and started_at >= ${END}::timestamptz - interval '11 days' group by 1, 2`,
    },
    { name: "llm, all days", path: "/invocations/stats/llm", baseline: llm(sql`true`) },
    {
      name: "llm, a week",
      path: `/invocations/stats/llm?start_date=${week}`,
      baseline: llm(sql`started_at >= ${week}::timestamptz`),
    },
    {
      name: "llm, a chute",
      path: `/invocations/stats/llm?chute_id=${BUSIEST_CHUTE}`,
      baseline: llm(sql`chute_id = ${BUSIEST_CHUTE}`),
    },
    {
      name: "diffusion",
      path: "/invocations/stats/diffusion",
      baseline: sql`select chute_id, ${month}, sum((metrics->>'steps')::bigint), count(*), avg((metrics->>'sps')::double precision)
        from partitioned_invocations where error_message is null and metrics->>'steps' is not null group by 1, 2`,
    },
    { name: "models", path: "/v1/models", host: "llm.x.test" },
    {
      name: "a user's usage",
      path: "/users/me/usage",
      baseline: sql`select date_trunc('hour', completed_at), sum(amount_micro_usd), count(*) from partitioned_invocations
        where user_id = ${BUSIEST_USER} and error_message is null group by 1 order by 1 desc limit 24`,
    },
    { name: "a user's, by chute", path: "/users/me/usage?per_chute=true&limit=1000" },
    { name: "means, list", path: "/chutes/miner_means" },
    {
      name: "means, a chute",
      path: `/chutes/miner_means/${BUSIEST_CHUTE}.json`,
      baseline: sql`select instance_id, max(miner_hotkey), avg((metrics->>'tps')::double precision), avg((metrics->>'ot')::double precision)
        from partitioned_invocations where chute_id = ${BUSIEST_CHUTE} and started_at >= ${END}::timestamptz - interval '1 day'
          and error_message is null group by 1`,
    },
  ];
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** @returns bytes of the answer */
function get(port: number, { path, host = "api.x.test" }: Asked, apiKey: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, authorization: `Bearer ${apiKey}` };
    const call = request({ host: "127.0.0.1", port, path, headers, agent }, (response) => {
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(size);
        else reject(new Error(`${path} answered ${response.statusCode}`));
      });
    });
    call.on("error", reject);
    call.end();
  });
}

/** @returns the 95th percentile in milliseconds */
async function measure(db: Db, port: number, { asked, apiKey }: { asked: Asked; apiKey: string }): Promise<number> {
  let size = 0;
  const cold = await seconds(async () => {
    size = await get(port, asked, apiKey);
  });
  const times: number[] = [];
  for (let round = 0; round < REQUESTS; round += 1) times.push((await seconds(() => get(port, asked, apiKey))) * 1000);
  const { baseline } = asked;
  const direct = baseline === undefined ? undefined : await seconds(() => baseline.execute(db));
  const p95 = percentile(times, 0.95);
  console.log(
    `${asked.name.padEnd(19)} first ${(cold * 1000).toFixed(1).padStart(7)} ms, warm p50 ${percentile(times, 0.5).toFixed(2).padStart(6)} ms, ` +
      `p95 ${p95.toFixed(2).padStart(6)} ms, ${String(Math.ceil(size / 1024)).padStart(5)} KiB` +
      `${direct === undefined ? "" : `; from the log ${(direct * 1000).toFixed(0)} ms`}`,
  );
  return p95;
}

async function main(): Promise<void> {
  console.log(machine());
  const db = await openDatabase();
  const { rows: version } = await sql<{ server_version: string }>`show server_version`.execute(db);
  const filled = await seconds(() => generateInvocations(db, { rows: ROWS, days: DAYS, end: END, seed: 1 }));
  const { rows: sizes } = await sql<{ log: string; usage: string }>`
    select pg_size_pretty(sum(pg_total_relation_size(inhrelid))) as log, pg_size_pretty(pg_total_relation_size('usage_data')) as usage
    from pg_inherits where inhparent = 'partitioned_invocations'::regclass`.execute(db);
  console.log(
    `postgres ${version[0]?.server_version}; ${ROWS} rows over ${DAYS} days made in ${filled.toFixed(1)} s, log ${sizes[0]?.log}, usage ${sizes[0]?.usage}`,
  );
  let counted = 0;
  const rolled = await seconds(async () => {
    counted = await rollUpEverything(db);
  });
  if (counted !== ROWS) throw new Error(`counted ${counted} of ${ROWS} rows`);
  const rate = Math.round(ROWS / rolled);
  console.log(`roll-up: ${rolled.toFixed(1)} s, ${rate} rows/s (target ${TARGET.rowsPerSecond})`);
  // As autovacuum would have done in the meantime.
  await sql`vacuum analyze`.execute(db);
  const apiKey = await addActors(db);
  const port = await startApi(db);
  const slowest: number[] = [];
  for (const asked of questions()) slowest.push(await measure(db, port, { asked, apiKey }));
  const worst = Math.max(...slowest);
  console.log(`slowest p95: ${worst.toFixed(2)} ms (target ${TARGET.milliseconds} ms)`);
  process.exitCode = worst <= TARGET.milliseconds && rate >= TARGET.rowsPerSecond ? 0 : 1;
}

try {
  await main();
} finally {
  agent.destroy();
  await stack.close();
}

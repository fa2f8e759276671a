// What clients poll, read with an API key: `npm run bench -- reads [seconds]`.
// One api process, real Postgres and Redis, the load in a process of its own, all on this machine.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openPostgres } from "../src/infra/postgres/client.js";
import { machine } from "./machine.js";
import { BenchProcesses } from "./processes.js";
import { CHUTES, fillForReads, INSTANCES } from "./reads-data.js";
import type { LoadReport, LoadTask } from "./reads-load.js";

const SECONDS = Number(process.argv[2] ?? 10);
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 32;
const READS = [
  { path: "/users/me", targetRps: 4000 },
  { path: "/chutes/?limit=25", targetRps: 1500 },
  { path: "/chutes/?limit=25&include_public=true", targetRps: 1500 },
] as const;

const processes = new BenchProcesses();
const { stack } = processes;

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
  const urls = await processes.startDatabases();
  const db = openPostgres({ url: urls.postgresUrl, poolSize: 2, statementTimeoutMs: 30_000 });
  stack.add(() => db.destroy());
  const authorization = `Bearer ${await fillForReads(db)}`;
  const { port } = await processes.startApi(urls);
  const api = `http://127.0.0.1:${port}`;
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

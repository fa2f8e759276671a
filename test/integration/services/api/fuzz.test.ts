import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { sql } from "kysely";
import pLimit from "p-limit";
import { Pool } from "undici";
import { expect } from "vitest";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { initCrypto, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { test } from "../../../support/fixtures.js";
import { ServerProcess } from "../../../support/openapi-child.js";
import { type FuzzRequest, operationsOf, requestsTo } from "../../../support/openapi-requests.js";
import { makeFuzzWorld } from "../../../support/openapi-world.js";
import { startRedisServer } from "../../../support/redis-server.js";

const REQUESTS = 21_000;
const WARM_UP = 6000;
const AT_ONCE = 16;
const ANSWER_MS = 5000;
/** What may be more in use at the end than after the warm-up: caches are bounded, but not full by then. */
const HEAP_GROWTH_MB = 24;
const RSS_GROWTH_MB = 120;

const SEEDS = {
  validator: "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
  miner: "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
};

/** Answers that are not JSON by design; errors of these routes are JSON all the same, except on the login page. */
const OTHER_TYPES: readonly { readonly route: RegExp; readonly type: RegExp }[] = [
  { route: /^GET \/chutes\/code\//, type: /^text\/plain/ },
  { route: /^GET \/chutes\/warmup\//, type: /^text\/event-stream/ },
  { route: /^GET \/chutes\/miner_means/, type: /^text\/(html|csv)/ },
  { route: /^(GET|POST) \/chutes\/\{/, type: /^text\/(event-stream|html|csv|plain)/ },
  { route: /^GET \/images\/.*logs/, type: /^text\/(plain|event-stream)/ },
  { route: /^GET \/logos\//, type: /^image\/webp/ },
  { route: /^GET \/idp\/cli_login/, type: /^text\/html/ },
  { route: /^GET \/miner\//, type: /^text\/(event-stream|plain)/ },
  { route: /^GET \/(instances\/.*csv|invocations\/exports|audit\/download)/, type: /^(text\/csv|application\/)/ },
  { route: /^GET \/instances\/.*logs/, type: /^text\/event-stream/ },
  { route: /^GET \/(assets|console)?/, type: /^(text\/(html|css|javascript)|image\/)/ },
];

/** By their protocol these ask to come again: a cold or disabled chute, scores before the first scoring. */
const WAITING = /^\w+ \/(chutes\/|miner\/scores)/;

interface Outcome {
  readonly request: FuzzRequest;
  readonly status: number;
  readonly problem?: string;
}

test("20,000 generated requests find no crash, no answer that clients cannot parse, no leak", async ({
  databaseUrl,
  db,
}) => {
  await initCrypto();
  const redis = await startRedisServer({ own: true });
  const objects = mkdtempSync(join(tmpdir(), "fuzz-"));
  const miner = keypairFromSeed(SEEDS.miner);
  const server = new ServerProcess();
  try {
    const url = await server.start({
      databaseUrl,
      redisUrl: redis?.url ?? "memory:",
      objectStoreUrl: `file://${objects}`,
      validatorSeed: SEEDS.validator,
      minerHotkey: miner.address,
    });
    await givenMetagraph(db, miner.address);
    const requests = await generate(url, { db, miner }).catch((cause: unknown) => {
      throw new Error(`making the world failed:\n${server.errors()}`, { cause });
    });
    const pool = new Pool(url, { connections: AT_ONCE, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
    const warm = await sendAll(pool, requests.slice(0, WARM_UP));
    const before = await server.memory();
    const rest = await sendAll(pool, requests.slice(WARM_UP));
    await pool.close();
    const outcomes = [...warm, ...rest];
    expect(problemsOf(outcomes), `${table(outcomes)}\n${server.errors()}`).toEqual([]);
    expect(onlyRefused(outcomes), table(outcomes)).toEqual([]);
    await expectFlat(server, before);
    await expectIdle(db);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  } finally {
    await server.stop();
    await redis?.close();
    rmSync(objects, { recursive: true, force: true });
  }
}, 400_000);

async function givenMetagraph(db: Db, hotkey: string): Promise<void> {
  const row = { netuid: 64, hotkey, coldkey: hotkey, checksum: "c", node_id: 7, synced_at: new Date() };
  await db
    .insertInto("metagraph_nodes")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The same number for every operation, mixed, in an order that the seed decides. */
async function generate(url: string, world: { db: Db; miner: ReturnType<typeof keypairFromSeed> }) {
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const operations = operationsOf(document as Parameters<typeof operationsOf>[0]);
  const made = await makeFuzzWorld({ url, ...world });
  const each = Math.ceil(REQUESTS / operations.length);
  const columns = operations.map((operation) => fc.sample(requestsTo(operation, made), each));
  return Array.from({ length: each }, (_, row) => columns.flatMap((column) => column.slice(row, row + 1))).flat();
}

async function sendAll(pool: Pool, requests: readonly FuzzRequest[]): Promise<Outcome[]> {
  const limit = pLimit(AT_ONCE);
  return Promise.all(requests.map((request) => limit(() => send(pool, request))));
}

async function send(pool: Pool, request: FuzzRequest): Promise<Outcome> {
  const { method, path, headers, body } = request;
  const startedAt = performance.now();
  try {
    const answer = await pool.request({ method, path, headers, body: body ?? null });
    const { statusCode: status } = answer;
    const type = String(answer.headers["content-type"] ?? "");
    if (type.startsWith("text/event-stream")) {
      answer.body.on("error", () => undefined).destroy();
      return { request, status, ...judge({ request, status, type, text: "" }) };
    }
    const text = await answer.body.text();
    const tookMs = performance.now() - startedAt;
    if (tookMs > ANSWER_MS) return { request, status, problem: `took ${tookMs.toFixed(0)} ms` };
    return { request, status, ...judge({ request, status, type, text }) };
  } catch (error) {
    return { request, status: 0, problem: String(error) };
  }
}

interface Judged {
  readonly request: FuzzRequest;
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function judge({ request, status, type, text }: Judged): { problem?: string } {
  const isWaiting = status === 503 && WAITING.test(request.route);
  if (status >= 500 && !isWaiting) return { problem: `status ${status}: ${text.slice(0, 200)}` };
  if (status === 204 || status === 304 || (status >= 300 && status < 400)) return {};
  if (/^application\/json\b/.test(type)) return isJson(text) ? {} : { problem: `not JSON: ${text.slice(0, 200)}` };
  const isAllowed = OTHER_TYPES.some(
    (other) =>
      other.route.test(request.route) && other.type.test(type) && (status < 400 || /cli_login/.test(request.route)),
  );
  return isAllowed ? {} : { problem: `status ${status} with content type "${type}": ${text.slice(0, 200)}` };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The first few of each kind, as one would send them again. */
function problemsOf(outcomes: readonly Outcome[]): string[] {
  const seen = new Map<string, number>();
  return outcomes.flatMap(({ request, problem }) => {
    if (problem === undefined) return [];
    const kind = `${request.route} ${problem.slice(0, 40)}`;
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    if (count > 2) return [];
    const body = request.body === undefined ? "" : ` ${JSON.stringify(request.body.toString("latin1").slice(0, 300))}`;
    const headers = JSON.stringify(request.headers).slice(0, 300);
    return [`${problem} ← ${request.method} ${request.path.slice(0, 300)} ${headers}${body}`];
  });
}

/** Routes whose handler no request has reached. */
function onlyRefused(outcomes: readonly Outcome[]): string[] {
  const reached = new Set(outcomes.filter(({ status }) => status !== 401).map(({ request }) => request.route));
  return [...new Set(outcomes.map(({ request }) => request.route))].filter((route) => !reached.has(route));
}

function table(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, Map<number, number>>();
  for (const { request, status } of outcomes) {
    const row = counts.get(request.route) ?? new Map<number, number>();
    counts.set(request.route, row.set(status, (row.get(status) ?? 0) + 1));
  }
  return [...counts]
    .map(([route, row]) => {
      const cells = [...row].sort(([a], [b]) => a - b).map(([status, count]) => `${status}×${count}`);
      return `${route.padEnd(60)} ${cells.join(" ")}`;
    })
    .join("\n");
}

async function expectFlat(server: ServerProcess, before: NodeJS.MemoryUsage): Promise<void> {
  const after = await server.memory();
  const grownMb = (what: "heapUsed" | "rss") => (after[what] - before[what]) / 2 ** 20;
  expect(grownMb("heapUsed")).toBeLessThan(HEAP_GROWTH_MB);
  expect(grownMb("rss")).toBeLessThan(RSS_GROWTH_MB);
}

/** Every connection is back in its pool, outside of any transaction. */
async function expectIdle(db: Db): Promise<void> {
  const busy = async () => {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) as count from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and backend_type = 'client backend'`.execute(
      db,
    );
    return Number(rows[0]?.count);
  };
  await expect.poll(busy, { timeout: 5000 }).toBe(0);
}

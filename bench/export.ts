/** Rows per second of the hourly CSV beside what the database alone needs for the same rows. Run: `npx tsx bench/export.ts [rows]`. */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { invocationLine, recentLine } from "../src/domain/audit/export-line.js";
import { exportInvocations, inSnapshot, recentInvocations } from "../src/domain/audit/export-repository.js";
import { type Db, openPostgres } from "../src/infra/postgres/client.js";
import { migrate } from "../src/infra/postgres/migrate.js";
import { writeCsv } from "../src/jobs/audit-export/write-csv.js";
import { createLogger } from "../src/kernel/logger.js";
import { startEmbeddedPostgres } from "../src/local/embedded-postgres.js";
import { INVOCATION_COLUMNS } from "../src/wire/invocation-csv.js";

const ROWS = Number(process.argv[2] ?? 300_000);
const ROUNDS = 3;
const TARGET_ROWS_PER_SECOND = 50_000;
const TARGET_RSS_MIB = 256;
const START = new Date("2026-01-07T13:00:00Z");
const END = new Date("2026-01-07T14:00:00Z");

/** One hour of finished language-model calls with every metric; 1 % crosses the hour's end, 5 % failed. */
async function fill(db: Db): Promise<void> {
  await sql`select ensure_invocation_partitions(${START}, ${END})`.execute(db);
  await sql`select setseed(0.42)`.execute(db);
  await sql`
    insert into partitioned_invocations
    select gen_random_uuid()::text, gen_random_uuid()::text, md5('chute' || n % 40)::uuid::text, md5('user')::uuid::text, 'chat_stream',
      md5('user')::uuid::text, md5('image' || n % 10)::uuid::text, md5('user')::uuid::text, md5('instance' || n % 400)::uuid::text,
      n % 200, '5' || substr(repeat(md5('miner' || n % 200), 2), 1, 47), ${START}::timestamptz + n * (interval '1 hour' / ${ROWS}),
      ${START}::timestamptz + n * (interval '1 hour' / ${ROWS}) + random() * interval '72 seconds',
      case when n % 20 = 0 then 'RATE_LIMIT' end, (1 + n % 8) / 3.0, case when n % 1000 = 0 then 100 + n % 977 else 0 end,
      case when n % 20 <> 0 then jsonb_build_object('it', n % 30000, 'ot', n % 2000, 'ct', n % 900, 'tokens', n % 2000,
        'ttft', round(random()::numeric, 3), 'tt', round((random() * 30)::numeric, 3), 'tps', round((random() * 90)::numeric, 3),
        'ctps', round((random() * 900)::numeric, 3), 'mc', n % 7, 'ur', round(random()::numeric, 4),
        'maspt', round((random() / 100)::numeric, 8), 'ptps', random() * 5000, 'otps', random() * 90, 'nc', random() * 20,
        'b', round((random() / 1000)::numeric, 8)) end
    from generate_series(0, ${ROWS - 1}) n`.execute(db);
  await sql`analyze partitioned_invocations`.execute(db);
}

interface Timing {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function timed(work: () => Promise<unknown>): Promise<Timing> {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - before) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** The database's own CSV writer, to nowhere: no network, no Python literals, no hash. */
async function copyToNowhere(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const columns = INVOCATION_COLUMNS.join(", ");
  await client.query(
    `copy (select ${columns} from partitioned_invocations where started_at >= '${START.toISOString()}' and started_at < '${END.toISOString()}' order by started_at, invocation_id) to program 'cat > /dev/null' with (format csv, header)`,
  );
  await client.end();
}

/** The same cursor, rows counted and thrown away. */
async function readAndCount(db: Db): Promise<void> {
  let count = 0;
  await inSnapshot(db, async (snapshot) => {
    for await (const rows of exportInvocations(snapshot, { start: START, end: END })) count += rows.length;
  });
  if (count !== ROWS) throw new Error(`read ${count} of ${ROWS} rows`);
}

async function buildCsv(db: Db, dir: string, round: number) {
  const file = { path: join(dir, `${round}.csv`), header: INVOCATION_COLUMNS };
  return inSnapshot(db, (snapshot) =>
    writeCsv(file, exportInvocations(snapshot, { start: START, end: END }), invocationLine),
  );
}

/** Milliseconds that the slowest but one of twenty uncached answers of ten thousand rows took. */
async function recentP95(db: Db): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const before = performance.now();
    const since = new Date(END.getTime() - 86_400_000);
    const rows = await recentInvocations(db, { since, hotkey: undefined, limit: 10_000, all: false });
    Buffer.from(rows.map(recentLine).join(""));
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[18] ?? Number.NaN;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rate = (seconds: number) => Math.round(ROWS / seconds);

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "chutes-bench-export-"));
  const log = createLogger({ level: "error", secrets: [] });
  const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
  const server = await startEmbeddedPostgres({ dir, log, signal: new AbortController().signal, settings });
  try {
    await server.createDatabase("bench");
    const url = server.url("bench");
    await migrate(url);
    const db = openPostgres({ url, poolSize: 2, statementTimeoutMs: 600_000 });
    const filled = await timed(() => fill(db));
    const { rows } = await sql<{ version: string }>`show server_version`.execute(db);
    console.log(
      `machine: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.version}, postgres ${rows[0]?.["server_version" as never]}`,
    );
    console.log(`rows: ${ROWS} (filled in ${filled.seconds.toFixed(1)} s)`);
    const copies: number[] = [];
    const counts: number[] = [];
    const builds: number[] = [];
    let sha256 = "";
    for (let round = 0; round < ROUNDS; round += 1) {
      const copy = await timed(() => copyToNowhere(url));
      const count = await timed(() => readAndCount(db));
      let size = 0;
      const build = await timed(async () => {
        const written = await buildCsv(db, dir, round);
        if (written.rowCount !== ROWS) throw new Error(`wrote ${written.rowCount} of ${ROWS} rows`);
        if (sha256 !== "" && sha256 !== written.sha256) throw new Error("two builds of one hour differ");
        sha256 = written.sha256;
        size = written.sizeBytes;
      });
      copies.push(copy.seconds);
      counts.push(count.seconds);
      builds.push(build.seconds);
      console.log(
        `round ${round + 1}: copy ${copy.seconds.toFixed(2)} s (${rate(copy.seconds)}/s), cursor ${count.seconds.toFixed(2)} s (${rate(count.seconds)}/s, ${count.cpuSeconds.toFixed(2)} s of CPU here), ` +
          `csv ${build.seconds.toFixed(2)} s (${rate(build.seconds)}/s, ${build.cpuSeconds.toFixed(2)} s of CPU here, ${Math.round(size / ROWS)} bytes/row)`,
      );
    }
    const peakMib = process.resourceUsage().maxRSS / 1024;
    const perSecond = rate(median(builds));
    console.log(`sha256: ${sha256}, the same in all ${ROUNDS} builds`);
    console.log(
      `csv/copy ratio: ${(median(builds) / median(copies)).toFixed(2)}, csv/cursor ratio: ${(median(builds) / median(counts)).toFixed(2)}`,
    );
    console.log(
      `median: ${perSecond} rows/s (target ${TARGET_ROWS_PER_SECOND}); peak RSS of this process: ${peakMib.toFixed(0)} MiB (target ${TARGET_RSS_MIB})`,
    );
    console.log(`recent, 10000 rows, uncached: p95 ${(await recentP95(db)).toFixed(0)} ms (target 300)`);
    await db.destroy();
    process.exitCode = perSecond >= TARGET_ROWS_PER_SECOND && peakMib <= TARGET_RSS_MIB ? 0 : 1;
  } finally {
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();

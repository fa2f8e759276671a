// Rows per second of `verify` beside csv-parse with a literal parser on the same file: `npm run bench -- verify [hours] [rows an hour]`.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse";
import { verify } from "../src/operator/verify/verify.js";
import { parsePythonLiteral } from "../src/wire/python.js";
import { type GeneratedExports, readGenerated } from "./generate-exports.js";
import { machine, median } from "./machine.js";

const [, , hours = "3", rowsPerHour = "300000", part = ""] = process.argv;
const ROUNDS = 3;
const TARGET_ROWS_PER_SECOND = 300_000;
const TARGET_RSS_MIB = 512;

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMib: number;
}

if (part === "") run();
else console.log(JSON.stringify(await measurePart(part, process.argv[5] ?? "")));

/** Generator and both sides are processes of their own, so that each has its own memory. */
function run(): void {
  console.log(machine());
  const dir = mkdtempSync(join(tmpdir(), "bench-verify-"));
  try {
    child("generate-exports.ts", [dir, hours, rowsPerHour]);
    const { rows, csv } = readGenerated(dir);
    const bytes = csv.reduce((sum, path) => sum + statSync(path).size, 0);
    console.log(
      `${rows} rows in ${csv.length} files, ${(bytes / 2 ** 20).toFixed(0)} MiB, ${Math.round(bytes / rows)} bytes a row`,
    );
    const pairs = Array.from({ length: ROUNDS }, () => [side("ours", dir), side("baseline", dir)] as const);
    const [ours, baseline] = [
      report(
        "verify",
        pairs.map(([one]) => one),
      ),
      report(
        "csv-parse + literal",
        pairs.map(([, one]) => one),
      ),
    ];
    console.log(
      `ratio ${(ours / baseline).toFixed(1)}; targets ≥ ${TARGET_ROWS_PER_SECOND} rows/s, ≤ ${TARGET_RSS_MIB} MiB`,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function side(name: string, dir: string): Measured {
  return JSON.parse(child("verify.ts", [hours, rowsPerHour, name, dir])) as Measured;
}

function child(script: string, args: readonly string[]): string {
  const tsx = join(import.meta.dirname, "../node_modules/tsx/dist/cli.mjs");
  return execFileSync(process.execPath, [tsx, join(import.meta.dirname, script), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function report(name: string, rounds: readonly Measured[]): number {
  const wall = median(rounds.map(({ rows, seconds }) => rows / seconds));
  const cpu = median(rounds.map(({ rows, cpuSeconds }) => rows / cpuSeconds));
  const rss = Math.max(...rounds.map(({ rssMib }) => rssMib));
  console.log(
    `${name.padEnd(20)} ${wall.toFixed(0).padStart(8)} rows/s   ${cpu.toFixed(0).padStart(8)} rows per CPU second   peak ${rss.toFixed(0)} MiB`,
  );
  return wall;
}

async function measurePart(name: string, dir: string): Promise<Measured> {
  const generated = readGenerated(dir);
  const started = performance.now();
  const cpu = process.cpuUsage();
  const rows = name === "ours" ? await readWithVerify(generated) : await readWithParser(generated);
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - started) / 1000;
  return { rows, seconds, cpuSeconds: (used.user + used.system) / 1e6, rssMib: process.resourceUsage().maxRSS / 1024 };
}

/** The whole command: hashes, both passes of checks, scores. The sums must be exactly the generator's. */
async function readWithVerify({
  csv,
  reports,
  audit,
  metagraph,
  gpuCounts,
  asOf,
  rows,
  reportRows,
  expected,
}: GeneratedExports): Promise<number> {
  const options = {
    netuid: 64,
    csv,
    reports,
    audit,
    metagraph,
    gpuCounts,
    asOf: new Date(asOf),
    profile: "invocations-2025-10",
  } as const;
  const result = await verify(options, { now: () => new Date(asOf), signal: new AbortController().signal });
  if (result.verdict !== "ok" || result.totals.rows !== rows + reportRows) {
    throw new Error(
      `verify says ${result.verdict}: ${JSON.stringify(result.checks.filter((check) => check.status !== "ok"))}`,
    );
  }
  for (const { hotkey, figures } of result.miners) {
    const want = expected[hotkey];
    const isExact =
      figures["invocation_count"] === want?.invocation_count &&
      figures["bounty_count"] === want?.bounty_count &&
      figures["compute_units"] === want?.compute_units;
    if (!isExact) throw new Error(`sums of ${hotkey} differ: ${JSON.stringify({ figures, want })}`);
  }
  return rows;
}

/** The usual way: a general CSV parser, an object of every row and of its metrics, a map of sums. One file is enough to know. */
async function readWithParser({ csv: [path = ""] }: GeneratedExports): Promise<number> {
  const sums = new Map<string, { count: number; units: number }>();
  let rows = 0;
  for await (const row of createReadStream(path).pipe(parse({ columns: true })) as AsyncIterable<
    Record<string, string>
  >) {
    rows += 1;
    const metrics = row["metrics"] ? (parsePythonLiteral(row["metrics"]) as { nc?: number }) : {};
    if (!row["completed_at"] || row["error_message"]) continue;
    const sum = sums.get(row["miner_hotkey"] ?? "") ?? { count: 0, units: 0 };
    sum.count += 1;
    sum.units += Number(row["bounty"]) + Number(row["compute_multiplier"]) * (metrics.nc ?? 0);
    sums.set(row["miner_hotkey"] ?? "", sum);
  }
  return rows;
}

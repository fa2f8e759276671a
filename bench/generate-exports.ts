// Exports of any size with an exact answer: `npx tsx bench/generate-exports.ts DIR [hours] [rows an hour] [seed]`.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { csvLine, pythonFloat } from "../src/wire/csv.js";
import { INVOCATION_COLUMNS, REPORT_COLUMNS } from "../src/wire/invocation-csv.js";
import { csvOffsetTimestamp, csvTimestamp, naiveIso } from "../src/wire/timestamps.js";

const HOUR_MS = 3_600_000;
const FIRST_HOUR = new Date("2026-01-07T00:00:00Z");
const MINERS = 200;
const CHUTES = 150;
const INSTANCES = 800;
const PARTS = { error: 0.05, crossing: 0.01, reported: 0.0001, private: 0.02, bounty: 0.001 } as const;

export interface GeneratedSums {
  invocation_count: number;
  bounty_count: number;
  compute_units: number;
}

/** What was written, and what a correct reader must find. */
export interface GeneratedExports {
  readonly csv: readonly string[];
  readonly reports: readonly string[];
  readonly audit: readonly string[];
  readonly metagraph: string;
  readonly gpuCounts: string;
  readonly asOf: string;
  /** Rows in all invocation files; crossing rows are in two. */
  readonly rows: number;
  readonly reportRows: number;
  /** By hotkey, by the rules of invocations-2025-10. */
  readonly expected: Readonly<Record<string, GeneratedSums>>;
}

export interface GeneratorOptions {
  readonly dir: string;
  readonly hours: number;
  readonly rowsPerHour: number;
  readonly seed: bigint;
}

/** The same options give the same bytes. Units are sums of 64ths, so that the expected sums are exact in any order. */
export async function generateExports(options: GeneratorOptions): Promise<GeneratedExports> {
  mkdirSync(options.dir, { recursive: true });
  const next = splitmix64(options.seed);
  const expected: Record<string, GeneratedSums> = {};
  const files = { csv: [] as string[], reports: [] as string[], audit: [] as string[] };
  let crossing: string[] = [];
  let rows = 0;
  let reportRows = 0;
  for (let hour = 0; hour < options.hours; hour += 1) {
    const written = await writeHour({ options, next, expected, hour, carried: crossing });
    crossing = written.crossing;
    rows += written.rows;
    reportRows += written.reportRows;
    files.csv.push(written.csv);
    files.reports.push(written.reports);
    files.audit.push(written.audit);
  }
  const asOf = new Date(FIRST_HOUR.getTime() + options.hours * HOUR_MS).toISOString();
  const generated = { ...files, ...writeLists(options.dir), asOf, rows, reportRows, expected };
  writeFileSync(join(options.dir, "generated.json"), JSON.stringify(generated));
  return generated;
}

/** A stream of 64-bit numbers as two halves of 32 bits. */
function splitmix64(seed: bigint): () => readonly [number, number] {
  let state = BigInt.asUintN(64, seed);
  return () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let mixed = state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    mixed ^= mixed >> 31n;
    return [Number(mixed >> 32n), Number(mixed & 0xffffffffn)];
  };
}

interface Hour {
  readonly options: GeneratorOptions;
  readonly next: () => readonly [number, number];
  readonly expected: Record<string, GeneratedSums>;
  readonly hour: number;
  /** Lines of the hour before that ended in this one. */
  readonly carried: readonly string[];
}

async function writeHour({ options, next, expected, hour, carried }: Hour) {
  const start = new Date(FIRST_HOUR.getTime() + hour * HOUR_MS);
  const end = new Date(start.getTime() + HOUR_MS);
  const name = end.toISOString().slice(0, 13).replace("T", "-");
  const csv = join(options.dir, `${name}.csv`);
  const sink = openSink(csv);
  const reported: string[] = [];
  const crossing: string[] = [];
  await sink.write(csvLine(INVOCATION_COLUMNS) + carried.join(""));
  for (let index = 0; index < options.rowsPerHour; index += 1) {
    const row = makeRow({ number: hour * options.rowsPerHour + index, start, part: index / options.rowsPerHour }, next);
    // The last hour has no next one to complete a row in.
    const isCrossing = row.isCrossing && hour + 1 < options.hours;
    await sink.write(isCrossing ? row.open : row.line);
    if (isCrossing) crossing.push(row.line);
    if (row.isReported) reported.push(row.parent);
    if (!row.isCrossing || isCrossing) addExpected(expected, row);
  }
  const sha256 = await sink.close();
  const reports = join(options.dir, `${name}-reports.csv`);
  const confirmed = csvOffsetTimestamp(end);
  const reportsText =
    csvLine(REPORT_COLUMNS) +
    reported.map((id) => csvLine([id, "u_1", confirmed, confirmed, "u_1", "quality"])).join("");
  writeFileSync(reports, reportsText);
  const rows = options.rowsPerHour + carried.length;
  const audit = join(options.dir, `${name}.json`);
  writeFileSync(audit, auditText({ start, end, rows, reported: reported.length, sha256, reportsText }));
  return { csv, reports, audit, crossing, rows, reportRows: reported.length };
}

function openSink(path: string) {
  const stream = createWriteStream(path);
  const hash = createHash("sha256");
  let pending: string[] = [];
  const flush = async () => {
    const bytes = Buffer.from(pending.join(""));
    pending = [];
    hash.update(bytes);
    if (!stream.write(bytes)) await once(stream, "drain");
  };
  return {
    async write(text: string): Promise<void> {
      pending.push(text);
      if (pending.length >= 1000) await flush();
    },
    async close(): Promise<string> {
      await flush();
      stream.end();
      await once(stream, "finish");
      return hash.digest("hex");
    },
  };
}

interface GeneratedRow {
  readonly line: string;
  /** As the earlier hour saw it. */
  readonly open: string;
  readonly parent: string;
  readonly hotkey: string;
  readonly isCrossing: boolean;
  readonly isReported: boolean;
  readonly isFailed: boolean;
  readonly isPrivate: boolean;
  readonly bounty: number;
  readonly units: number;
}

function makeRow(place: { number: number; start: Date; part: number }, next: Hour["next"]): GeneratedRow {
  const [first, second] = next();
  const [third, fourth] = next();
  const miner = first % MINERS;
  const chance = second / 2 ** 32;
  const isFailed = third / 2 ** 32 < PARTS.error;
  const isPrivate = fourth / 2 ** 32 < PARTS.private;
  const isCrossing = chance < PARTS.crossing;
  const id = String(place.number).padStart(12, "0");
  const startedAt = new Date(place.start.getTime() + Math.floor(place.part * (HOUR_MS - 120_000)));
  const tookMs = 500 + (third % 60_000);
  const completedAt = isCrossing
    ? new Date(place.start.getTime() + HOUR_MS + 1 + (third % 5000))
    : new Date(startedAt.getTime() + tookMs);
  const bounty = (fourth % 100_000) / 100_000 < PARTS.bounty ? 100 + (first % 200) : 0;
  const multiplier = 1 + (second % 28) / 4;
  const nc = (1 + (fourth % 4096)) / 64;
  const hotkey = hotkeyOf(miner);
  const tokens = 100 + (first % 4000);
  const metrics =
    `{'it': ${tokens * 3}, 'ot': ${tokens}, 'ct': ${tokens % 7}, 'tt': ${pythonFloat(tookMs / 1000)}, 'ttft': ${pythonFloat((third % 977) / 977)}, ` +
    `'tps': ${pythonFloat(tokens / (tookMs / 1000))}, 'ctps': ${pythonFloat((tokens * 4) / (tookMs / 1000))}, 'tokens': ${tokens}, 'nc': ${pythonFloat(nc)}, ` +
    `'maspt': ${pythonFloat(Math.round((third % 90_000) * 1e3) / 1e8)}, 'ptps': ${pythonFloat((first % 99_991) / 7)}, 'otps': ${pythonFloat((second % 9973) / 11)}` +
    `${isPrivate ? ", 'p': True" : ""}}`;
  const line = ([completed, failed, bountyText, metricsText]: readonly [string, string, string, string]) =>
    csvLine([
      `00000000-0000-4000-8000-${id}`,
      `10000000-0000-4000-8000-${id}`,
      chuteOf(first % CHUTES),
      "30000000-0000-4000-8000-000000000001",
      "chat_stream",
      "40000000-0000-4000-8000-000000000001",
      "30000000-0000-4000-8000-000000000001",
      `20000000-0000-4000-8000-${String(second % INSTANCES).padStart(12, "0")}`,
      String(miner),
      hotkey,
      csvTimestamp(startedAt),
      completed,
      failed,
      pythonFloat(multiplier),
      bountyText,
      metricsText,
    ]);
  return {
    line: line([csvTimestamp(completedAt), isFailed ? "RATE_LIMIT" : "", String(bounty), isFailed ? "" : metrics]),
    open: line(["", "", "0", ""]),
    parent: `00000000-0000-4000-8000-${id}`,
    hotkey,
    isCrossing,
    isReported: chance > 1 - PARTS.reported,
    isFailed,
    isPrivate,
    bounty,
    units: bounty + (isPrivate ? 0 : multiplier * nc),
  };
}

function addExpected(expected: Record<string, GeneratedSums>, row: GeneratedRow): void {
  if (row.isFailed || row.isReported) return;
  const sums = expected[row.hotkey] ?? { invocation_count: 0, bounty_count: 0, compute_units: 0 };
  sums.compute_units += row.units;
  if (!row.isPrivate) {
    sums.invocation_count += 1;
    sums.bounty_count += row.bounty > 0 ? 1 : 0;
  }
  expected[row.hotkey] = sums;
}

interface AuditParts {
  readonly start: Date;
  readonly end: Date;
  readonly rows: number;
  readonly reported: number;
  readonly sha256: string;
  readonly reportsText: string;
}

function auditText({ start, end, rows, reported, sha256, reportsText }: AuditParts): string {
  const path = `invocations/${end.toISOString().slice(0, 13).replaceAll("-", "/").replace("T", "/")}`;
  const reportsSha256 = createHash("sha256").update(reportsText).digest("hex");
  return JSON.stringify({
    instance_audit: [],
    compute_history: [],
    csv_exports: {
      invocations: { path: `${path}.csv`, sha256 },
      reports: { path: `${path}-reports.csv`, sha256: reportsSha256 },
    },
    export: {
      version: 1,
      netuid: 64,
      start_time: naiveIso(start),
      end_time: naiveIso(end),
      closed_at: null,
      rows: { invocations: rows, reports: reported },
      bytes: {},
    },
  });
}

function writeLists(dir: string): { metagraph: string; gpuCounts: string } {
  const metagraph = join(dir, "metagraph.json");
  const gpuCounts = join(dir, "gpu-counts.json");
  const rows = Array.from({ length: MINERS }, (_, uid) => ({
    hotkey: hotkeyOf(uid),
    coldkey: `coldkey-${uid}`,
    node_id: uid,
    blacklist_reason: null,
  }));
  writeFileSync(metagraph, JSON.stringify(rows));
  writeFileSync(
    gpuCounts,
    JSON.stringify(
      Array.from({ length: CHUTES }, (_, index) => ({ chute_id: chuteOf(index), gpu_count: 1 + (index % 8) })),
    ),
  );
  return { metagraph, gpuCounts };
}

function hotkeyOf(miner: number): string {
  return `5${createHash("sha256").update(`miner ${miner}`).digest("hex").slice(0, 47)}`;
}

function chuteOf(index: number): string {
  return `c1000000-0000-5000-8000-${String(index).padStart(12, "0")}`;
}

/** Reads back what `generateExports` left in a directory. */
export function readGenerated(dir: string): GeneratedExports {
  return JSON.parse(readFileSync(join(dir, "generated.json"), "utf8")) as GeneratedExports;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , dir = "exports", hours = "3", rowsPerHour = "300000", seed = "1"] = process.argv;
  const { rows } = await generateExports({
    dir,
    hours: Number(hours),
    rowsPerHour: Number(rowsPerHour),
    seed: BigInt(seed),
  });
  console.log(`${rows} rows in ${dir}`);
}

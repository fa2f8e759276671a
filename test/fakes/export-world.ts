import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { csvLine, pythonFloat } from "../../src/wire/csv.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { auditEntryId } from "../../src/wire/ids.js";
import { INVOCATION_COLUMNS, JOB_COLUMNS, REPORT_COLUMNS } from "../../src/wire/invocation-csv.js";
import { encodeSs58 } from "../../src/wire/ss58.js";
import { csvOffsetTimestamp, csvTimestamp, naiveIso } from "../../src/wire/timestamps.js";
import type { ExportServer } from "./export-server.js";

/** A row of an hour's invocations; what is left out has a plain default. */
export interface RowSpec {
  readonly id: number;
  readonly hotkey: string;
  readonly uid: number;
  readonly startedAt: Date;
  readonly completedAt?: Date;
  readonly chuteId?: string;
  readonly error?: string;
  readonly multiplier?: number;
  readonly bounty?: number;
  /** Text of the column. */
  readonly metrics?: string;
}

export interface InstanceSpec {
  readonly id: number;
  readonly hotkey: string;
  readonly uid: number;
  readonly activatedAt: Date;
  readonly deletedAt?: Date;
  readonly multiplier?: number;
}

export interface HourSpec {
  /** End of the hour. */
  readonly end: Date;
  readonly rows?: readonly RowSpec[];
  /** Row ids with a confirmed report, and when it was confirmed. */
  readonly confirmed?: ReadonlyMap<number, Date>;
  readonly instances?: readonly InstanceSpec[];
  readonly closedAt?: Date;
  readonly scores?: Readonly<Record<string, number>>;
  readonly profile?: string;
  /** Overrides of the paths in csv_exports. */
  readonly paths?: Readonly<Record<string, string>>;
  /** Leaves out what upstream reports do not have. */
  readonly isUpstream?: boolean;
}

export interface ExportedHour {
  readonly csv: Buffer;
  readonly reports: Buffer;
  readonly jobs: Buffer;
  readonly audit: Buffer;
  readonly sha256: string;
  readonly start: Date;
  readonly end: Date;
}

const HOUR_MS = 3_600_000;
const id = (prefix: string, number: number) => `${prefix}-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** The artefacts of one hour, written with the same wire functions as the export job. */
export function exportHour(spec: HourSpec): ExportedHour {
  const start = new Date(spec.end.getTime() - HOUR_MS);
  const rows = spec.rows ?? [];
  const confirmed = [...(spec.confirmed ?? [])];
  const csv = Buffer.from(csvLine(INVOCATION_COLUMNS) + rows.map(invocationLine).join(""));
  const reports = Buffer.from(csvLine(REPORT_COLUMNS) + confirmed.map(([row, at]) => reportLine(row, at)).join(""));
  const jobs = Buffer.from(csvLine(JOB_COLUMNS));
  const files = { invocations: csv, reports, jobs };
  const counts = { invocations: rows.length, reports: confirmed.length, jobs: 0 };
  const audit = {
    instance_audit: (spec.instances ?? []).map(instanceRow),
    compute_history: (spec.instances ?? []).map(historyRow),
    csv_exports: Object.fromEntries(
      Object.entries(files).map(([kind, bytes]) => [
        kind,
        { path: spec.paths?.[kind] ?? exportPath(spec.end, kind), sha256: sha256Hex(bytes) },
      ]),
    ),
    ...(spec.isUpstream === true ? {} : extensionOf(spec, { start, counts, files })),
  };
  const bytes = Buffer.from(JSON.stringify(audit));
  return { csv, reports, jobs, audit: bytes, sha256: sha256Hex(bytes), start, end: spec.end };
}

export function exportPath(end: Date, kind = "invocations"): string {
  const [, year, month, day, hour] = /^(\d+)-(\d+)-(\d+)T(\d+)/.exec(end.toISOString()) ?? [];
  return `invocations/${year}/${month}/${day}/${hour}${kind === "invocations" ? "" : `-${kind}`}.csv`;
}

/** Puts hours, index and lists on the server as a validator would serve them. */
export function publish(
  server: ExportServer,
  hours: readonly (ExportedHour & { readonly block: number })[],
  what: { readonly hotkey: string; readonly metagraph: readonly unknown[] },
): void {
  const index = hours.map(({ block, start, end }) => ({
    entry_id: auditEntryId(what.hotkey, block),
    hotkey: what.hotkey,
    block,
    path: `audit/validator/${what.hotkey}/${block}.json`,
    created_at: naiveIso(new Date(end.getTime() + 61_000)),
    start_time: naiveIso(start),
    end_time: naiveIso(end),
  }));
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  server.bodies.set("/audit/", json(index));
  server.bodies.set("/miner/metagraph", json(what.metagraph));
  server.bodies.set("/chutes/gpu_count_history", json([]));
  for (const hour of hours) {
    const path = `audit/validator/${what.hotkey}/${hour.block}.json`;
    server.bodies.set(`/audit/download?path=${encodeURIComponent(path)}`, hour.audit);
    for (const kind of ["invocations", "reports", "jobs"] as const) {
      const served = exportPath(hour.end, kind).replace("invocations/", "/invocations/exports/");
      server.bodies.set(served, kind === "invocations" ? hour.csv : hour[kind]);
    }
  }
}

/** A valid address that nobody has the key of, the same for the same label. */
export function addressOf(label: string): string {
  return encodeSs58(createHash("sha256").update(label).digest());
}

/** A directory that goes away with the test. */
export async function temporaryDir(): Promise<
  AsyncDisposable & { readonly path: string; write(name: string, body: string | Buffer): Promise<string> }
> {
  const path = await mkdtemp(join(tmpdir(), "verify-test-"));
  return {
    path,
    async write(name, body) {
      await writeFile(join(path, name), body);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

function invocationLine(row: RowSpec): string {
  const values: Record<(typeof INVOCATION_COLUMNS)[number], string> = {
    parent_invocation_id: id("00000000", row.id),
    invocation_id: id("10000000", row.id),
    chute_id: row.chuteId ?? "c1000000-0000-5000-8000-000000000001",
    chute_user_id: id("30000000", 1),
    function_name: "chat_stream",
    image_id: id("40000000", 1),
    image_user_id: id("30000000", 1),
    instance_id: id("20000000", row.uid),
    miner_uid: String(row.uid),
    miner_hotkey: row.hotkey,
    started_at: csvTimestamp(row.startedAt),
    completed_at: row.completedAt === undefined ? "" : csvTimestamp(row.completedAt),
    error_message: row.error ?? "",
    compute_multiplier: pythonFloat(row.multiplier ?? 1),
    bounty: String(row.bounty ?? 0),
    metrics: row.metrics ?? "",
  };
  return csvLine(INVOCATION_COLUMNS.map((name) => values[name]));
}

function reportLine(row: number, confirmedAt: Date): string {
  const at = csvOffsetTimestamp(confirmedAt);
  return csvLine([id("00000000", row), id("30000000", 1), at, at, id("30000000", 1), "wrong output"]);
}

function instanceRow(spec: InstanceSpec) {
  return {
    instance_id: id("20000000", spec.id),
    chute_id: "c1000000-0000-5000-8000-000000000001",
    version: id("50000000", 1),
    created_at: naiveIso(spec.activatedAt),
    verified_at: naiveIso(spec.activatedAt),
    deleted_at: spec.deletedAt === undefined ? null : naiveIso(spec.deletedAt),
    deletion_reason: spec.deletedAt === undefined ? null : "chute has been undeployed",
    miner_uid: String(spec.uid),
    miner_hotkey: spec.hotkey,
    region: "n/a",
    activated_at: naiveIso(spec.activatedAt),
    billed_to: null,
    stop_billing_at: null,
    compute_multiplier: spec.multiplier ?? 1,
    hourly_rate: null,
    bounty: false,
    valid_termination: null,
  };
}

function historyRow(spec: InstanceSpec) {
  return {
    instance_id: id("20000000", spec.id),
    compute_multiplier: spec.multiplier ?? 1,
    started_at: naiveIso(spec.activatedAt),
    ended_at: spec.deletedAt === undefined ? null : naiveIso(spec.deletedAt),
  };
}

function extensionOf(spec: HourSpec, facts: { start: Date; counts: object; files: Record<string, Buffer> }) {
  const bytes = Object.fromEntries(Object.entries(facts.files).map(([kind, file]) => [kind, file.length]));
  const window = {
    version: 1,
    netuid: 64,
    start_time: naiveIso(facts.start),
    end_time: naiveIso(spec.end),
    closed_at: spec.closedAt === undefined ? null : naiveIso(spec.closedAt),
    rows: facts.counts,
    bytes,
  };
  if (spec.scores === undefined) return { export: window };
  const scores = {
    profile: spec.profile ?? "instance-lifetime",
    as_of: naiveIso(spec.closedAt ?? spec.end),
    one_hotkey_per_coldkey: true,
    scores: spec.scores,
  };
  return { export: window, scores };
}

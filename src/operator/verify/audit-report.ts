import type { ComputeInterval, InstanceAudit } from "../../domain/scoring/inputs.js";
import { isProfileName, type ProfileName } from "../../domain/scoring/profiles.js";
import { timeOf } from "./csv/csv-fields.js";

export type ExportKind = "invocations" | "reports" | "jobs";
const EXPORT_KINDS: readonly ExportKind[] = ["invocations", "reports", "jobs"];

export interface AuditedInstance extends InstanceAudit {
  readonly minerUid: number | null;
  readonly verifiedAt: Date | null;
}

/** A file that a report vouches for. */
export interface CsvExport {
  readonly kind: ExportKind;
  /** As written by the remote side: never a name on this machine. */
  readonly path: string;
  readonly sha256: string;
}

interface ExportedWindow {
  readonly start: Date;
  readonly end: Date;
  /** When the hour was exported before its end. */
  readonly closedAt: Date | null;
  readonly rows: Readonly<Partial<Record<ExportKind, number>>>;
  readonly bytes: Readonly<Partial<Record<ExportKind, number>>>;
}

export interface PublishedScores {
  readonly profile: ProfileName;
  readonly asOf: Date;
  readonly oneHotkeyPerColdkey: boolean;
  readonly scores: ReadonlyMap<string, number>;
}

/** The validator's report of one hour without its long lists. */
export interface ReportSummary {
  readonly hasHistory: boolean;
  readonly csvExports: readonly CsvExport[];
  readonly window: ExportedWindow | undefined;
  readonly published: PublishedScores | undefined;
  /** Parts that could not be read, and were left out. */
  readonly problems: readonly string[];
}

/** The validator's report of one hour. @see protocol 08 §2.6 */
export interface AuditReport extends ReportSummary {
  readonly instances: readonly AuditedInstance[];
  readonly history: readonly ComputeInterval[];
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined when the bytes are not a JSON object. */
export function readAuditReport(bytes: Uint8Array): AuditReport | undefined {
  const json = objectOf(parsed(bytes));
  if (json === undefined) return undefined;
  const problems: string[] = [];
  const published = scoresOf(json["scores"]);
  if (json["scores"] !== undefined && published === undefined) problems.push("scores cannot be read");
  return {
    instances: rowsOf(json["instance_audit"], { read: instanceOf, name: "instance_audit", problems }),
    hasHistory: Array.isArray(json["compute_history"]),
    history: rowsOf(json["compute_history"] ?? [], { read: intervalOf, name: "compute_history", problems }),
    csvExports: exportsOf(json["csv_exports"], problems),
    window: windowOf(json["export"]),
    published,
    problems,
  };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

interface RowReading<Row> {
  readonly read: (json: Json) => Row | undefined;
  readonly name: string;
  readonly problems: string[];
}

function rowsOf<Row>(value: unknown, reading: RowReading<Row>): Row[] {
  if (!Array.isArray(value)) {
    reading.problems.push(`${reading.name} is not a list`);
    return [];
  }
  return value.flatMap((item: unknown, index) => {
    const json = objectOf(item);
    const row = json === undefined ? undefined : reading.read(json);
    if (row === undefined) reading.problems.push(`${reading.name}[${index}] cannot be read`);
    return row === undefined ? [] : [row];
  });
}

function instanceOf(json: Json): AuditedInstance | undefined {
  const instanceId = textOf(json["instance_id"]);
  const hotkey = textOf(json["miner_hotkey"]);
  const createdAt = dateOf(json["created_at"]);
  if (instanceId === undefined || hotkey === undefined || createdAt === null) return undefined;
  const uid = Number(json["miner_uid"] ?? Number.NaN);
  return {
    instanceId,
    hotkey,
    createdAt,
    chuteId: textOf(json["chute_id"]) ?? "",
    minerUid: Number.isInteger(uid) ? uid : null,
    verifiedAt: dateOf(json["verified_at"]),
    activatedAt: dateOf(json["activated_at"]),
    deletedAt: dateOf(json["deleted_at"]),
    deletionReason: textOf(json["deletion_reason"]) ?? null,
    validTermination: typeof json["valid_termination"] === "boolean" ? json["valid_termination"] : null,
    isBilled: json["billed_to"] !== null && json["billed_to"] !== undefined,
    stopBillingAt: dateOf(json["stop_billing_at"]),
    computeMultiplier: amountOf(json["compute_multiplier"]) ?? null,
    bounty: json["bounty"] === true,
  };
}

function intervalOf(json: Json): ComputeInterval | undefined {
  const instanceId = textOf(json["instance_id"]);
  const computeMultiplier = amountOf(json["compute_multiplier"]);
  const startedAt = dateOf(json["started_at"]);
  if (instanceId === undefined || computeMultiplier === undefined || startedAt === null) return undefined;
  return { instanceId, computeMultiplier, startedAt, endedAt: dateOf(json["ended_at"]) };
}

function exportsOf(value: unknown, problems: string[]): CsvExport[] {
  const json = objectOf(value) ?? {};
  return EXPORT_KINDS.flatMap((kind) => {
    const entry = objectOf(json[kind]);
    if (entry === undefined) return [];
    const path = textOf(entry["path"]);
    const sha256 = textOf(entry["sha256"]);
    if (path !== undefined && sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)) return [{ kind, path, sha256 }];
    problems.push(`csv_exports.${kind} has no path and SHA-256`);
    return [];
  });
}

function windowOf(value: unknown): ExportedWindow | undefined {
  const json = objectOf(value);
  const start = dateOf(json?.["start_time"]);
  const end = dateOf(json?.["end_time"]);
  if (json === undefined || start === null || end === null) return undefined;
  return {
    start,
    end,
    closedAt: dateOf(json["closed_at"]),
    rows: countsOf(json["rows"]),
    bytes: countsOf(json["bytes"]),
  };
}

function countsOf(value: unknown): Partial<Record<ExportKind, number>> {
  const json = objectOf(value) ?? {};
  const counts = EXPORT_KINDS.map((kind) => [kind, amountOf(json[kind])] as const);
  return Object.fromEntries(counts.filter(([, count]) => count !== undefined));
}

function scoresOf(value: unknown): PublishedScores | undefined {
  const json = objectOf(value);
  const profile = textOf(json?.["profile"]) ?? "";
  const asOf = dateOf(json?.["as_of"]);
  const scores = Object.entries(objectOf(json?.["scores"]) ?? {});
  const isNumeric = scores.every(([, score]) => amountOf(score) !== undefined);
  if (json === undefined || asOf === null || !isProfileName(profile) || !isNumeric) return undefined;
  return {
    profile,
    asOf,
    oneHotkeyPerColdkey: json["one_hotkey_per_coldkey"] !== false,
    scores: new Map(scores.map(([hotkey, score]) => [hotkey, Number(score)])),
  };
}

/** The value as an object, or undefined for anything else. */
export function objectOf(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** The value as a text, or undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A time of the wire, to the millisecond; null for null and for text that is not a time. */
export function dateOf(value: unknown): Date | null {
  const us = typeof value === "string" ? timeOf(value) : Number.NaN;
  return Number.isNaN(us) ? null : new Date(Math.floor(us / 1000));
}

function amountOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

import { pythonFloat } from "./csv.js";
import { pythonLiteral } from "./python.js";

/** Columns of an hour's invocations, in order. @see protocol 08 §2.3 */
export const INVOCATION_COLUMNS = [
  "parent_invocation_id",
  "invocation_id",
  "chute_id",
  "chute_user_id",
  "function_name",
  "image_id",
  "image_user_id",
  "instance_id",
  "miner_uid",
  "miner_hotkey",
  "started_at",
  "completed_at",
  "error_message",
  "compute_multiplier",
  "bounty",
  "metrics",
] as const;

/** Columns of an hour's reports; `invocation_id` is the parent id. @see protocol 08 §2.3 */
export const REPORT_COLUMNS = [
  "invocation_id",
  "user_id",
  "timestamp",
  "confirmed_at",
  "confirmed_by",
  "reason",
] as const;

/** Columns of an hour's jobs. @see protocol 08 §2.3 */
export const JOB_COLUMNS = [
  "job_id",
  "chute_id",
  "version",
  "chutes_version",
  "method",
  "miner_uid",
  "miner_hotkey",
  "miner_coldkey",
  "instance_id",
  "created_at",
  "updated_at",
  "started_at",
  "finished_at",
  "status",
  "compute_multiplier",
  "miner_terminated",
] as const;

/** Columns of the newest invocations, served on request. @see protocol 08 §3.2 */
export const RECENT_COLUMNS = [
  "invocation_id",
  "chute_id",
  "chute_user_id",
  "function_name",
  "image_id",
  "image_user_id",
  "instance_id",
  "miner_uid",
  "miner_hotkey",
  "started_at",
  "completed_at",
  "error_message",
  "compute_multiplier",
  "bounty",
  "metrics",
] as const;

/** Metrics that are fractions by nature: `60.0`, never `60`, as upstream's own type writes them. @see protocol 04 §9.1 */
const FLOAT_METRICS: ReadonlySet<string> = new Set([
  "ttft",
  "tt",
  "tps",
  "ctps",
  "ur",
  "maspt",
  "ptps",
  "otps",
  "nc",
  "sps",
  "masps",
  "b",
]);

/**
 * Text of the `metrics` field: a Python literal; empty for null. Takes the stored object as it is, unknown members included.
 * Throws AppError `invalid` for numbers without a literal. @see protocol 08 §2.4
 */
export function metricsField(metrics: object | null): string {
  if (metrics === null) return "";
  const members = Object.entries(metrics).filter(([, value]) => value !== undefined);
  return `{${members.map(([key, value]) => `${pythonLiteral(key)}: ${metricText(key, value)}`).join(", ")}}`;
}

function metricText(key: string, value: unknown): string {
  return typeof value === "number" && Number.isFinite(value) && FLOAT_METRICS.has(key)
    ? pythonFloat(value)
    : pythonLiteral(value);
}

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
export const RECENT_COLUMNS = INVOCATION_COLUMNS.slice(1);

interface Member {
  /** The quoted name with its colon. */
  readonly prefix: string;
  /** Written `60.0`, never `60`. */
  readonly isFraction: boolean;
}

/** Metrics that are fractions by nature: upstream's own type writes them with a point even when whole. @see protocol 04 §9.1 */
const FRACTIONS = ["ttft", "tt", "tps", "ctps", "ur", "maspt", "ptps", "otps", "nc", "sps", "masps", "b"];
const OTHERS = ["it", "ot", "ct", "tokens", "mc", "steps", "p"];

/** Names are few and rows are millions: each name is quoted once. */
const KNOWN_MEMBERS: ReadonlyMap<string, Member> = new Map(
  [...FRACTIONS, ...OTHERS].map((name, index) => [
    name,
    { prefix: prefixOf(name), isFraction: index < FRACTIONS.length },
  ]),
);

/**
 * Text of the `metrics` field: a Python literal; empty for null. Takes the stored object as it is, unknown members included.
 * Throws AppError `invalid` for numbers without a literal. @see protocol 08 §2.4
 */
export function metricsField(metrics: object | null): string {
  if (metrics === null) return "";
  const values = metrics as Readonly<Record<string, unknown>>;
  let text = "{";
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value === undefined) continue;
    const member = KNOWN_MEMBERS.get(key) ?? { prefix: prefixOf(key), isFraction: false };
    if (text !== "{") text += ", ";
    text += member.prefix;
    text += member.isFraction && typeof value === "number" ? fraction(value) : pythonLiteral(value);
  }
  return `${text}}`;
}

function prefixOf(name: string): string {
  return `${pythonLiteral(name)}: `;
}

function fraction(value: number): string {
  return Number.isFinite(value) ? pythonFloat(value) : pythonLiteral(value);
}

import { csvLine, pythonFloat } from "../../wire/csv.js";
import { metricsField } from "../../wire/invocation-csv.js";
import type { InvocationMetrics } from "../../wire/metrics.js";
import { csvOffsetTimestamp, csvTimestamp } from "../../wire/timestamps.js";

/** An invocation as the export query gives it: times are the database's text with microseconds, UTC. */
export interface ExportInvocation {
  readonly parent_invocation_id: string;
  readonly invocation_id: string;
  readonly chute_id: string;
  readonly chute_user_id: string;
  readonly function_name: string;
  readonly image_id: string;
  readonly image_user_id: string;
  readonly instance_id: string;
  readonly miner_uid: number;
  readonly miner_hotkey: string;
  readonly started_at: string;
  readonly completed_at: string | null;
  readonly error_message: string | null;
  readonly compute_multiplier: number;
  readonly bounty: number;
  readonly metrics: InvocationMetrics | null;
}

/** A report of a bad answer; times as above. */
export interface ExportReport {
  readonly invocation_id: string;
  readonly user_id: string;
  readonly timestamp: string;
  readonly confirmed_at: string | null;
  readonly confirmed_by: string | null;
  readonly reason: string;
}

/** What stands for a reason that is empty: auditors refuse a report without one. */
const NO_REASON = "unspecified";

/** One line of an hour's invocations. @see protocol 08 §2.3, §2.4 */
export function invocationLine(row: ExportInvocation): string {
  return csvLine([row.parent_invocation_id, ...sharedFields(row)]);
}

/** Line of `recent.csv`: the same without the parent. @see protocol 08 §3.2 */
export function recentLine(row: ExportInvocation): string {
  return csvLine(sharedFields(row));
}

/** One line of an hour's reports. @see protocol 08 §2.3 */
export function reportLine(row: ExportReport): string {
  return csvLine([
    row.invocation_id,
    row.user_id,
    csvOffsetTimestamp(row.timestamp),
    row.confirmed_at === null ? "" : csvOffsetTimestamp(row.confirmed_at),
    row.confirmed_by ?? "",
    row.reason === "" ? NO_REASON : row.reason,
  ]);
}

function sharedFields(row: ExportInvocation): string[] {
  return [
    row.invocation_id,
    row.chute_id,
    row.chute_user_id,
    row.function_name,
    row.image_id,
    row.image_user_id,
    row.instance_id,
    String(row.miner_uid),
    row.miner_hotkey,
    csvTimestamp(row.started_at),
    row.completed_at === null ? "" : csvTimestamp(row.completed_at),
    row.error_message ?? "",
    pythonFloat(row.compute_multiplier),
    String(row.bounty),
    metricsField(row.metrics),
  ];
}

import type { MetagraphEntry } from "../../domain/scoring/inputs.js";
import type { ExportKind, ReportSummary } from "./audit-report.js";
import { objectOf, textOf } from "./audit-report.js";
import type { InstanceBook } from "./checks/instance-book.js";

export const HOUR_MS = 3_600_000;

/** A report that takes part in the verification: the last one of its window. */
export interface CollectedReport {
  /** How messages call it. */
  readonly name: string;
  readonly report: ReportSummary;
  /** Undefined when neither the index nor the report names a window. */
  readonly start: Date | undefined;
  readonly end: Date | undefined;
}

/** A CSV file on this machine. */
export interface CollectedFile {
  readonly kind: ExportKind;
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  /** Rows and bytes as its report counts them. */
  readonly expectedRows: number | undefined;
  readonly expectedBytes: number | undefined;
  /** Full hours since 1970 at the start of its window; undefined when unknown, and then every row counts. */
  readonly hour: number | undefined;
}

/** Everything there is to verify, from files or from an API. */
export interface Evidence {
  readonly hotkey: string | undefined;
  /** Ascending by window. */
  readonly reports: readonly CollectedReport[];
  readonly instances: InstanceBook;
  readonly files: readonly CollectedFile[];
  /** Undefined when none was given or served. */
  readonly metagraph: readonly MetagraphEntry[] | undefined;
  readonly gpuCounts: ReadonlyMap<string, number>;
  /** Scores as the API serves them now; empty when reports carry scores, which say more. */
  readonly liveScores: ReadonlyMap<string, number>;
  /** Earliest moment from which on nothing is missing; undefined when the evidence reaches back to the beginning. */
  readonly completeFrom: Date | undefined;
  /** Hours are missing somewhere: a difference of scores then proves nothing. */
  readonly hasHoles: boolean;
  readonly window: {
    readonly from: Date | undefined;
    readonly to: Date | undefined;
    readonly missing: readonly Date[];
  };
}

/** Rows of `GET /miner/metagraph`; undefined when the value is not such a list. @see protocol 07 §3.8 */
export function metagraphOf(value: unknown): MetagraphEntry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((item: unknown) => {
    const row = objectOf(item);
    const hotkey = textOf(row?.["hotkey"]);
    const uid = row?.["node_id"] ?? row?.["uid"];
    if (row === undefined || hotkey === undefined || typeof uid !== "number") return [];
    const blacklistReason = textOf(row["blacklist_reason"]) ?? null;
    return [{ uid, hotkey, coldkey: textOf(row["coldkey"]) ?? hotkey, blacklistReason }];
  });
}

/** Rows of `GET /chutes/gpu_count_history`; undefined when the value is not such a list. @see protocol 03 §9.7 */
export function gpuCountsOf(value: unknown): Map<string, number> | undefined {
  if (!Array.isArray(value)) return undefined;
  return new Map(
    value.flatMap((item: unknown) => {
      const row = objectOf(item);
      const chuteId = textOf(row?.["chute_id"]);
      const count = row?.["gpu_count"];
      return chuteId !== undefined && typeof count === "number" ? [[chuteId, count] as const] : [];
    }),
  );
}

/** Full hours since 1970 at or before a moment. */
export function hourOf(date: Date): number {
  return Math.floor(date.getTime() / HOUR_MS);
}

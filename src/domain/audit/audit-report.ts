import { stringifyJson } from "../../wire/json.js";
import { naiveIso } from "../../wire/timestamps.js";

/** An exported file as the report names it. */
export interface ExportedFile {
  readonly kind: "invocations" | "reports" | "jobs";
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly rowCount: number;
}

/** Rows of `instance_audit` and `instance_compute_history`; times are ISO text, UTC, without zone. */
export type AuditRow = Readonly<Record<string, string | number | boolean | null>>;

export interface AuditReportParts {
  readonly netuid: number;
  readonly start: Date;
  readonly end: Date;
  /** When the window was closed: its end, or earlier when it was exported early. */
  readonly closedAt: Date;
  readonly files: readonly ExportedFile[];
  readonly instanceAudit: readonly AuditRow[];
  readonly computeHistory: readonly AuditRow[];
  readonly scores: {
    readonly profile: string;
    readonly asOf: Date;
    readonly oneHotkeyPerColdkey: boolean;
    readonly scores: ReadonlyMap<string, number>;
  };
}

/** Bytes of the hourly report: keys in fixed order, no whitespace, UTF-8. Its hash goes on chain. @see protocol 08 §2.6 */
export function auditReportBytes(parts: AuditReportParts): Buffer {
  const byKind = (pick: (file: ExportedFile) => unknown) =>
    Object.fromEntries(parts.files.map((file) => [file.kind, pick(file)]));
  const report = {
    instance_audit: parts.instanceAudit,
    compute_history: parts.computeHistory,
    csv_exports: byKind(({ path, sha256 }) => ({ path, sha256 })),
    export: {
      version: 1,
      netuid: parts.netuid,
      start_time: naiveIso(parts.start),
      end_time: naiveIso(parts.end),
      closed_at: parts.closedAt < parts.end ? naiveIso(parts.closedAt) : null,
      rows: byKind((file) => file.rowCount),
      bytes: byKind((file) => file.sizeBytes),
    },
    scores: {
      profile: parts.scores.profile,
      as_of: naiveIso(parts.scores.asOf),
      one_hotkey_per_coldkey: parts.scores.oneHotkeyPerColdkey,
      scores: Object.fromEntries([...parts.scores.scores].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
  return Buffer.from(stringifyJson(report));
}

/** Object key of an hour's file: named after the hour at which the window ends. @see protocol 08 §2.1 */
export function exportPath(end: Date, kind: ExportedFile["kind"]): string {
  const [date = "", time = ""] = end.toISOString().split("T");
  const suffix = kind === "invocations" ? "" : `-${kind}`;
  return `invocations/${date.replaceAll("-", "/")}/${time.slice(0, 2)}${suffix}.csv`;
}

/** Object key of a published report. */
export function reportPath(role: "validator" | "miner", hotkey: string, block: number): string {
  return `audit/${role}/${hotkey}/${block}.json`;
}

import { createHmac } from "node:crypto";
import type { AuditRow } from "./audit-report.js";
import type { ExportReport } from "./export-line.js";

/** Stable stand-in for a user id: whoever has the key can tell two users apart, nobody can name them. @see protocol 08 §2.6 */
export function pseudonym(userId: string, key: string): string {
  return `u_${createHmac("sha256", key).update(userId).digest("hex").slice(0, 16)}`;
}

/** `billed_to` matters only by its presence. Without a key the row stays as it is. */
export function pseudonymousRow(row: AuditRow, key: string | undefined): AuditRow {
  const owner = row["billed_to"];
  return key === undefined || typeof owner !== "string" ? row : { ...row, billed_to: pseudonym(owner, key) };
}

/** A report's author and words are private; auditors need only that it exists and whether it was confirmed. */
export function pseudonymousReport(row: ExportReport, key: string | undefined): ExportReport {
  if (key === undefined) return row;
  return {
    ...row,
    user_id: pseudonym(row.user_id, key),
    confirmed_by: row.confirmed_by === null ? null : pseudonym(row.confirmed_by, key),
    reason: "user report",
  };
}

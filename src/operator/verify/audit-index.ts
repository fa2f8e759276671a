import { AppError } from "../../kernel/errors.js";
import { auditEntryId } from "../../wire/ids.js";
import { dateOf, objectOf, textOf } from "./audit-report.js";
import type { CheckBook } from "./checks/check-book.js";
import { hourOf } from "./evidence.js";

/** One line of `GET /audit/`. @see protocol 08 §3.3 */
export interface AuditEntry {
  /** As listed; compare it with `auditEntryId`. */
  readonly entryId: string;
  readonly hotkey: string;
  readonly block: number;
  readonly path: string;
  readonly createdAt: Date | null;
  readonly start: Date;
  readonly end: Date;
}

/** Validator entries of the index; lines that are not entries are reported and left out. */
export function entriesOf(index: unknown, book: CheckBook): AuditEntry[] {
  if (!Array.isArray(index)) throw new AppError("unavailable", "the audit index is not a list");
  return index.flatMap((item: unknown, position) => {
    const entry = entryOf(item);
    if (entry === undefined) {
      book.found("V02", "violation", { subject: `index line ${position + 1}`, message: "is not an audit entry" });
      return [];
    }
    return entry.path.startsWith("audit/miner/") ? [] : [entry];
  });
}

/** The hotkey to audit: the wanted one, or the only one of the index; undefined when the index is empty.
 *  @throws AppError `invalid` when there are several. */
export function subjectOf(entries: readonly AuditEntry[], wanted: string | undefined): string | undefined {
  if (wanted !== undefined) return wanted;
  const hotkeys = [...new Set(entries.map((entry) => entry.hotkey))];
  if (hotkeys.length > 1) {
    const fix = `--hotkey with one of: ${hotkeys.slice(0, 5).join(" ")}`;
    throw new AppError("invalid", `the API lists reports of ${hotkeys.length} validators`, { fix });
  }
  return hotkeys[0];
}

/** The last entry of every window, ascending: an hour that was exported early is replaced by its later export. */
export function lastPerWindow(entries: readonly AuditEntry[]): AuditEntry[] {
  const last = new Map<string, AuditEntry>();
  for (const entry of entries) {
    const key = `${hourOf(entry.start)}-${entry.end.getTime()}`;
    const known = last.get(key);
    if (known === undefined || entry.block > known.block) last.set(key, entry);
  }
  return [...last.values()].sort(
    (left, right) => left.start.getTime() - right.start.getTime() || left.block - right.block,
  );
}

/** V02: id and path follow from hotkey and block. @see protocol 08 §2.7 */
export function checkIdentity(entry: AuditEntry, book: CheckBook): void {
  const entryId = auditEntryId(entry.hotkey, entry.block);
  const path = `audit/validator/${entry.hotkey}/${entry.block}.json`;
  const subject = `entry of block ${entry.block}`;
  if (entry.entryId !== entryId) {
    book.found("V02", "violation", { subject, message: `has the id ${entry.entryId}, should be ${entryId}` });
  } else if (entry.path !== path) {
    book.found("V02", "violation", { subject, message: `has the path ${entry.path}, should be ${path}` });
  } else book.ok("V02");
}

function entryOf(item: unknown): AuditEntry | undefined {
  const json = objectOf(item);
  const hotkey = textOf(json?.["hotkey"]);
  const path = textOf(json?.["path"]);
  const block = json?.["block"];
  const start = dateOf(json?.["start_time"]);
  const end = dateOf(json?.["end_time"]);
  if (json === undefined || hotkey === undefined || path === undefined || start === null || end === null)
    return undefined;
  if (typeof block !== "number" || !Number.isSafeInteger(block) || block < 0) return undefined;
  const createdAt = dateOf(json["created_at"]);
  return { entryId: textOf(json["entry_id"]) ?? "", hotkey, block, path, createdAt, start, end };
}

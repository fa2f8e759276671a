import type { Db } from "../../infra/postgres/client.js";

/** The wire's seven fields of an entry. @see protocol 08 §3.3 */
export interface AuditEntry {
  readonly entry_id: string;
  readonly hotkey: string;
  readonly block: number;
  readonly path: string;
  readonly created_at: Date;
  readonly start_time: Date;
  readonly end_time: Date;
}

export interface AuditQuery {
  readonly since: Date;
  readonly hotkey?: string | undefined;
  readonly role?: string | undefined;
  readonly limit: number;
}

/** Entries of the window, oldest first. @see protocol 08 §3.3 */
export async function auditEntries(db: Db, query: AuditQuery): Promise<AuditEntry[]> {
  let rows = db
    .selectFrom("audit_entries")
    .select(["entry_id", "hotkey", "block", "path", "created_at", "start_time", "end_time"])
    .where("start_time", ">=", query.since)
    .orderBy("start_time")
    .orderBy("created_at")
    .orderBy("entry_id")
    .limit(query.limit);
  if (query.hotkey !== undefined) rows = rows.where("hotkey", "=", query.hotkey);
  if (query.role !== undefined) rows = rows.where("role", "=", query.role);
  return rows.execute();
}

/** Hash of a listed report; nothing that is not listed may be downloaded. @see protocol 08 §3.4 */
export async function listedReport(db: Db, path: string): Promise<{ sha256: string } | undefined> {
  return db.selectFrom("audit_entries").select("sha256").where("path", "=", path).executeTakeFirst();
}

export interface PublishedFile {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly rowCount: number;
  readonly start: Date;
  readonly end: Date;
  /** False for an hour that was exported before its end: its bytes will be replaced once. */
  readonly isFinal: boolean;
}

/** Joins each published file with its report's index entry, which is gone once the file is past its retention. */
function publishedFiles(db: Db) {
  return db
    .selectFrom("export_files as f")
    .innerJoin("export_windows as w", "w.export_id", "f.export_id")
    .leftJoin("audit_entries as e", "e.sha256", "w.report_sha256")
    .select(["f.path", "f.kind", "f.sha256", "f.size_bytes", "f.row_count"])
    .select(["w.start_time", "w.end_time", "w.closed_at", "w.block", "e.entry_id"])
    .where("w.state", "=", "published");
}

type FileRow = Awaited<ReturnType<ReturnType<typeof publishedFiles>["execute"]>>[number];

/** The newest published export of a path. `isExpired`: it was there, and is past its retention. @see protocol 08 §3.1 */
export async function publishedFile(
  db: Db,
  path: string,
): Promise<(PublishedFile & { readonly isExpired: boolean }) | undefined> {
  const row = await publishedFiles(db)
    .where("f.path", "=", path)
    .orderBy("w.export_id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && { ...fileOf(row), isExpired: row.entry_id === null };
}

export interface ManifestRow extends PublishedFile {
  readonly path: string;
  readonly kind: string;
  readonly block: number | null;
  readonly entryId: string | null;
}

/** Every listed file whose window lies in [from, to), by time. @see protocol 08 §3.9 */
export async function exportManifest(db: Db, range: { from: Date; to: Date; limit: number }): Promise<ManifestRow[]> {
  const rows = await publishedFiles(db)
    .where("e.entry_id", "is not", null)
    .where("w.start_time", ">=", range.from)
    .where("w.end_time", "<=", range.to)
    .orderBy("w.start_time")
    .orderBy("w.export_id")
    .orderBy("f.kind")
    .limit(range.limit)
    .execute();
  return rows.map((row) => ({
    ...fileOf(row),
    path: row.path,
    kind: row.kind,
    block: row.block,
    entryId: row.entry_id,
  }));
}

function fileOf(row: FileRow): PublishedFile {
  return {
    sha256: row.sha256,
    sizeBytes: Number(row.size_bytes),
    rowCount: row.row_count,
    start: row.start_time,
    end: row.end_time,
    isFinal: row.closed_at >= row.end_time,
  };
}

import type { Db } from "../../infra/postgres/client.js";

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
    .limit(query.limit);
  if (query.hotkey !== undefined) rows = rows.where("hotkey", "=", query.hotkey);
  if (query.role !== undefined) rows = rows.where("role", "=", query.role);
  return rows.execute();
}

/** True when the path is listed; nothing else may be downloaded. @see protocol 08 §3.4 */
export async function listedReport(db: Db, path: string): Promise<{ sha256: string } | undefined> {
  return db.selectFrom("audit_entries").select("sha256").where("path", "=", path).executeTakeFirst();
}

export interface PublishedFile {
  readonly sha256: string;
  readonly rowCount: number;
  readonly start: Date;
  readonly end: Date;
  readonly isFinal: boolean;
}

/** The newest published export of a path. @see protocol 08 §3.1 */
export async function publishedFile(db: Db, path: string): Promise<PublishedFile | undefined> {
  const row = await db
    .selectFrom("export_files")
    .innerJoin("export_windows", "export_windows.export_id", "export_files.export_id")
    .select(["export_files.sha256", "row_count", "start_time", "end_time", "closed_at"])
    .where("path", "=", path)
    .where("state", "=", "published")
    .orderBy("export_windows.export_id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    sha256: row.sha256,
    rowCount: row.row_count,
    start: row.start_time,
    end: row.end_time,
    isFinal: row.closed_at >= row.end_time,
  };
}

export interface ManifestRow extends PublishedFile {
  readonly path: string;
  readonly kind: string;
  readonly sizeBytes: number;
  readonly block: number | null;
}

/** Every published file whose window lies in [from, to), by time. @see protocol 08 §3.9 */
export async function exportManifest(db: Db, range: { from: Date; to: Date; limit: number }): Promise<ManifestRow[]> {
  const rows = await db
    .selectFrom("export_files")
    .innerJoin("export_windows", "export_windows.export_id", "export_files.export_id")
    .select([
      "path",
      "kind",
      "size_bytes",
      "export_files.sha256",
      "row_count",
      "start_time",
      "end_time",
      "closed_at",
      "block",
    ])
    .where("state", "=", "published")
    .where("start_time", ">=", range.from)
    .where("end_time", "<=", range.to)
    .orderBy("start_time")
    .orderBy("export_windows.export_id")
    .orderBy("kind")
    .limit(range.limit)
    .execute();
  return rows.map((row) => ({
    path: row.path,
    kind: row.kind,
    sizeBytes: Number(row.size_bytes),
    sha256: row.sha256,
    rowCount: row.row_count,
    start: row.start_time,
    end: row.end_time,
    isFinal: row.closed_at >= row.end_time,
    block: row.block,
  }));
}

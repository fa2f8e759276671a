import type { Db } from "../../infra/postgres/client.js";
import { auditEntryId } from "../../wire/ids.js";
import { type ExportedFile, reportPath } from "./audit-report.js";
import type { ExportWindow } from "./export-repository.js";

/** One hour's export in the journal. `built`: bytes are in staging; `committed`: the hash is on chain; `published`: done. */
export interface ExportJournal extends ExportWindow {
  readonly exportId: bigint;
  readonly state: "built" | "committed" | "published";
  readonly closedAt: Date;
  readonly reportSha256: string;
  readonly block: number | null;
  readonly files: readonly ExportedFile[];
}

/** The oldest export that a crash left unfinished. */
export async function unfinishedExport(db: Db): Promise<ExportJournal | undefined> {
  const row = await db
    .selectFrom("export_windows")
    .selectAll()
    .where("state", "<>", "published")
    .orderBy("export_id")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    exportId: row.export_id,
    start: row.start_time,
    end: row.end_time,
    closedAt: row.closed_at,
    state: row.state as ExportJournal["state"],
    reportSha256: row.report_sha256,
    block: row.block,
    files: await filesOf(db, row.export_id),
  };
}

async function filesOf(db: Db, exportId: bigint): Promise<ExportedFile[]> {
  const rows = await db
    .selectFrom("export_files")
    .selectAll()
    .where("export_id", "=", exportId)
    .orderBy("kind")
    .execute();
  return rows.map((row) => ({
    kind: row.kind as ExportedFile["kind"],
    path: row.path,
    sha256: row.sha256,
    sizeBytes: Number(row.size_bytes),
    rowCount: row.row_count,
  }));
}

/** End of the newest window that is published and complete; the next export starts there. */
export async function exportedUntil(db: Db): Promise<Date | undefined> {
  const row = await db
    .selectFrom("export_windows")
    .select((eb) => eb.fn.max("end_time").as("end"))
    .where("state", "=", "published")
    .whereRef("closed_at", ">=", "end_time")
    .executeTakeFirst();
  return row?.end ?? undefined;
}

/** SHA-256 that a published, complete export already gave to a path, if any: such bytes never change again. */
export async function publishedHash(db: Db, path: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("export_files")
    .innerJoin("export_windows", "export_windows.export_id", "export_files.export_id")
    .select("export_files.sha256")
    .where("export_files.path", "=", path)
    .where("export_windows.state", "=", "published")
    .whereRef("export_windows.closed_at", ">=", "export_windows.end_time")
    .executeTakeFirst();
  return row?.sha256;
}

export interface BuiltExport extends ExportWindow {
  readonly closedAt: Date;
  readonly reason: string | null;
  readonly reportSha256: string;
  readonly files: readonly ExportedFile[];
}

export async function recordBuilt(tx: Db, built: BuiltExport, now: Date): Promise<bigint> {
  const { export_id } = await tx
    .insertInto("export_windows")
    .values({
      start_time: built.start,
      end_time: built.end,
      closed_at: built.closedAt,
      state: "built",
      reason: built.reason,
      report_sha256: built.reportSha256,
      created_at: now,
    })
    .returning("export_id")
    .executeTakeFirstOrThrow();
  const rows = built.files.map((file) => ({
    export_id,
    kind: file.kind,
    path: file.path,
    sha256: file.sha256,
    size_bytes: BigInt(file.sizeBytes),
    row_count: file.rowCount,
  }));
  await tx.insertInto("export_files").values(rows).execute();
  return export_id;
}

export async function recordCommitted(tx: Db, exportId: bigint, block: number): Promise<void> {
  await tx
    .updateTable("export_windows")
    .set({ state: "committed", block })
    .where("export_id", "=", exportId)
    .where("state", "=", "built")
    .execute();
}

/** Lists the export publicly; once. @see protocol 08 §2.7 */
export async function recordPublished(
  tx: Db,
  journal: ExportJournal & { readonly block: number },
  owner: { hotkey: string; now: Date },
): Promise<void> {
  await tx
    .insertInto("audit_entries")
    .values({
      entry_id: auditEntryId(owner.hotkey, journal.block),
      hotkey: owner.hotkey,
      role: "validator",
      block: journal.block,
      path: reportPath("validator", owner.hotkey, journal.block),
      sha256: journal.reportSha256,
      start_time: journal.start,
      end_time: journal.end,
      created_at: owner.now,
    })
    .onConflict((oc) => oc.column("entry_id").doNothing())
    .execute();
  await tx
    .updateTable("export_windows")
    .set({ state: "published", published_at: owner.now })
    .where("export_id", "=", journal.exportId)
    .execute();
}

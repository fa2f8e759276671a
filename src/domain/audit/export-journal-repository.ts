import { sql } from "kysely";
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

/** What was published under a path: `isFinal` bytes never change again, those of an early export are replaced. */
export async function publishedHashes(db: Db, path: string): Promise<{ sha256: string; isFinal: boolean }[]> {
  const rows = await db
    .selectFrom("export_files as f")
    .innerJoin("export_windows as w", "w.export_id", "f.export_id")
    .select(["f.sha256", "w.closed_at", "w.end_time"])
    .where("f.path", "=", path)
    .where("w.state", "=", "published")
    .execute();
  return rows.map((row) => ({ sha256: row.sha256, isFinal: row.closed_at >= row.end_time }));
}

/** Block of the newest entry of a hotkey, -1 when it has none. */
export async function newestEntryBlock(db: Db, hotkey: string): Promise<number> {
  const row = await db
    .selectFrom("audit_entries")
    .select((eb) => eb.fn.max("block").as("block"))
    .where("hotkey", "=", hotkey)
    .executeTakeFirst();
  return row?.block ?? -1;
}

export interface BuiltExport extends ExportWindow {
  readonly closedAt: Date;
  readonly reason: string | null;
  readonly reportSha256: string;
  readonly files: readonly ExportedFile[];
}

/** Opens the journal of an export whose bytes are in staging. */
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

/** Notes the block of the commitment; a later one replaces it when the chain dropped that block. */
export async function recordCommitted(tx: Db, exportId: bigint, block: number): Promise<void> {
  await tx
    .updateTable("export_windows")
    .set({ state: "committed", block })
    .where("export_id", "=", exportId)
    .where("state", "<>", "published")
    .execute();
}

/**
 * Lists the export publicly, once, and takes early exports of the same hour off the index: their files have been replaced.
 * @returns object keys of reports that are listed no more
 * @see protocol 08 §2.7
 */
export async function recordPublished(
  tx: Db,
  journal: ExportJournal & { readonly block: number },
  owner: { hotkey: string; now: Date },
): Promise<string[]> {
  const { hotkey, now } = owner;
  await tx
    .insertInto("audit_entries")
    .values({
      entry_id: auditEntryId(hotkey, journal.block),
      hotkey,
      role: "validator",
      block: journal.block,
      path: reportPath("validator", hotkey, journal.block),
      sha256: journal.reportSha256,
      start_time: journal.start,
      end_time: journal.end,
      created_at: now,
    })
    .execute();
  await tx
    .updateTable("export_windows")
    .set({ state: "published", published_at: now })
    .where("export_id", "=", journal.exportId)
    .execute();
  const { rows } = await sql<{ path: string }>`
    delete from audit_entries e using export_windows w
    where w.start_time = ${journal.start} and w.export_id < ${journal.exportId} and w.closed_at < w.end_time
      and e.sha256 = w.report_sha256 and e.role = 'validator'
    returning e.path`.execute(tx);
  return rows.map((row) => row.path);
}

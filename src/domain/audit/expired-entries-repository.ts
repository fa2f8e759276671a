import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** An entry past its retention. */
export interface ExpiredEntry {
  readonly entryId: string;
  /** Keys of its report and of the files that the report vouches for. */
  readonly keys: readonly string[];
}

/** Entries of windows that ended before a time, oldest first. @see protocol 08 §2.8 */
export async function expiredEntries(db: Db, query: { before: Date; limit: number }): Promise<ExpiredEntry[]> {
  const { rows } = await sql<ExpiredEntry>`
    select e.entry_id as "entryId", array_prepend(e.path, array_remove(array_agg(f.path), null)) as keys
    from audit_entries e
      left join export_windows w on w.report_sha256 = e.sha256
      left join export_files f on f.export_id = w.export_id
    where e.end_time < ${query.before}
    group by e.entry_id order by e.end_time, e.entry_id limit ${query.limit}`.execute(db);
  return rows;
}

/** Takes an entry off the index. The journal keeps what it was, so that its files are known to be gone rather than unknown. */
export async function removeEntry(tx: Db, entryId: string): Promise<void> {
  await tx.deleteFrom("audit_entries").where("entry_id", "=", entryId).execute();
}

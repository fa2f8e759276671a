import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { ExportInvocation, ExportReport } from "./export-line.js";

/** [start, end): what one export covers. */
export interface ExportWindow {
  readonly start: Date;
  readonly end: Date;
}

/** Rows fetched at once: a few MiB at most. */
const CURSOR_ROWS = 1000;
const DAY_MS = 86_400_000;
/** An hour of a million rows is read in well under this; the limit of ordinary statements would be too short. */
const READ_TIMEOUT_MS = 600_000;

const utcText = (column: string): RawBuilder<string> =>
  sql`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')`;

const INVOCATION_FIELDS = sql`parent_invocation_id, invocation_id, chute_id, chute_user_id, function_name, image_id, image_user_id,
  instance_id, miner_uid, miner_hotkey, ${utcText("i.started_at")} as started_at, ${utcText("i.completed_at")} as completed_at,
  error_message, compute_multiplier, bounty, metrics`;

/** Runs `read` in one read-only snapshot: everything it sees belongs to one moment. */
export function inSnapshot<Result>(db: Db, read: (snapshot: Db) => Promise<Result>): Promise<Result> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (snapshot) => {
      await sql`select set_config('statement_timeout', ${String(READ_TIMEOUT_MS)}, true)`.execute(snapshot);
      return read(snapshot);
    });
}

/**
 * Rows that started in the window, or completed in it having started at most a day before; oldest first, in batches. The early
 * starters come before the others by their time, so each part is read in the order of its index and nothing is sorted whole.
 * @see protocol 08 §2.2
 */
export async function* exportInvocations(
  db: Db,
  { start, end }: ExportWindow,
): AsyncGenerator<readonly ExportInvocation[]> {
  const dayBefore = new Date(start.getTime() - DAY_MS);
  yield* streamRows<ExportInvocation>(
    db,
    sql`select ${INVOCATION_FIELDS} from partitioned_invocations i
        where i.completed_at >= ${start} and i.completed_at < ${end} and i.started_at >= ${dayBefore} and i.started_at < ${start}
        order by i.started_at, i.invocation_id`,
  );
  yield* streamRows<ExportInvocation>(
    db,
    sql`select ${INVOCATION_FIELDS} from partitioned_invocations i
        where i.started_at >= ${start} and i.started_at < ${end}
        order by i.started_at, i.invocation_id`,
  );
}

/** Reports filed or confirmed in the window, oldest first, in batches. @see protocol 08 §2.2 */
export function exportReports(db: Db, { start, end }: ExportWindow): AsyncGenerator<readonly ExportReport[]> {
  return streamRows<ExportReport>(
    db,
    sql`select invocation_id, user_id, ${utcText("r.timestamp")} as timestamp, ${utcText("r.confirmed_at")} as confirmed_at,
          confirmed_by, reason
        from reports r
        where (r.timestamp >= ${start} and r.timestamp < ${end}) or (r.confirmed_at >= ${start} and r.confirmed_at < ${end})
        order by r.timestamp, invocation_id`,
  );
}

export interface RecentQuery {
  readonly since: Date;
  readonly hotkey: string | undefined;
  readonly limit: number;
  /** Also incomplete and failed rows. */
  readonly all: boolean;
}

/** Newest rows first. @see protocol 08 §3.2 */
export async function recentInvocations(db: Db, query: RecentQuery): Promise<ExportInvocation[]> {
  const byHotkey = query.hotkey === undefined ? sql`` : sql`and miner_hotkey = ${query.hotkey}`;
  const finished = query.all ? sql`` : sql`and completed_at is not null and error_message is null`;
  const { rows } = await sql<ExportInvocation>`
    select ${INVOCATION_FIELDS} from partitioned_invocations i
    where i.started_at >= ${query.since} ${byHotkey} ${finished}
    order by i.started_at desc, i.invocation_id limit ${query.limit}`.execute(db);
  return rows;
}

async function* streamRows<Row>(db: Db, query: RawBuilder<unknown>): AsyncGenerator<readonly Row[]> {
  const compiled = query.compile(db) as ReturnType<RawBuilder<Row>["compile"]>;
  for await (const chunk of db.getExecutor().stream<Row>(compiled, CURSOR_ROWS)) yield chunk.rows;
}

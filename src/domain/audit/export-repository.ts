import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { ExportInvocation, ExportReport } from "./export-line.js";

/** [start, end): what one export covers. */
export interface ExportWindow {
  readonly start: Date;
  readonly end: Date;
}

const CURSOR_ROWS = 2000;
const DAY_MS = 86_400_000;

const utcText = (column: string): RawBuilder<string> =>
  sql`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')`;

const INVOCATION_FIELDS = sql`parent_invocation_id, invocation_id, chute_id, chute_user_id, function_name, image_id, image_user_id,
  instance_id, miner_uid, miner_hotkey, ${utcText("started_at")} as started_at, ${utcText("completed_at")} as completed_at,
  error_message, compute_multiplier, bounty, metrics`;

/** Rows that started in the window, or completed in it having started at most a day before; oldest first. @see protocol 08 §2.2 */
export function exportInvocations(db: Db, { start, end }: ExportWindow): AsyncGenerator<ExportInvocation> {
  const dayBefore = new Date(start.getTime() - DAY_MS);
  return streamRows<ExportInvocation>(
    db,
    sql`select ${INVOCATION_FIELDS} from (
          select * from partitioned_invocations where started_at >= ${start} and started_at < ${end}
          union all
          select * from partitioned_invocations
          where started_at >= ${dayBefore} and started_at < ${start} and completed_at >= ${start} and completed_at < ${end}
        ) rows order by rows.started_at, rows.invocation_id`,
  );
}

/** Reports filed or confirmed in the window, oldest first. @see protocol 08 §2.2 */
export function exportReports(db: Db, { start, end }: ExportWindow): AsyncGenerator<ExportReport> {
  return streamRows<ExportReport>(
    db,
    sql`select invocation_id, user_id, ${utcText("timestamp")} as timestamp, ${utcText("confirmed_at")} as confirmed_at, confirmed_by, reason
        from reports
        where (reports.timestamp >= ${start} and reports.timestamp < ${end}) or (reports.confirmed_at >= ${start} and reports.confirmed_at < ${end})
        order by reports.timestamp, invocation_id`,
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
    select ${INVOCATION_FIELDS} from partitioned_invocations
    where partitioned_invocations.started_at >= ${query.since} ${byHotkey} ${finished}
    order by partitioned_invocations.started_at desc limit ${query.limit}`.execute(db);
  return rows;
}

async function* streamRows<Row>(db: Db, query: RawBuilder<unknown>): AsyncGenerator<Row> {
  const compiled = query.compile(db) as ReturnType<RawBuilder<Row>["compile"]>;
  for await (const chunk of db.getExecutor().stream<Row>(compiled, CURSOR_ROWS)) yield* chunk.rows;
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** One instance that ever served; times are UTC text with six digits. */
export interface ReconciliationRow {
  readonly instance_id: string;
  readonly deleted_at: string | null;
}

/** One span with an unchanged multiplier. */
export interface ComputeSpanRow {
  readonly instance_id: string;
  readonly compute_multiplier: number;
  readonly started_at: string;
  readonly ended_at: string | null;
}

/** The database's own text keeps the microseconds that a Date would lose. */
const utcText = (column: string) =>
  sql<string>`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')`;

/** Instances ever activated that live, or were deleted since; by id, after the given one. @see protocol 08 §3.6 */
export async function reconciliationRows(
  db: Db,
  page: { readonly since: Date; readonly after: string; readonly limit: number },
): Promise<ReconciliationRow[]> {
  const { rows } = await sql<ReconciliationRow>`
    select a.instance_id, ${utcText("a.deleted_at")} as deleted_at from instance_audit a
    where a.activated_at is not null and (a.deleted_at is null or a.deleted_at >= ${page.since}) and a.instance_id > ${page.after}
    order by a.instance_id limit ${page.limit}`.execute(db);
  return rows;
}

/** Spans that are open or ended since; by instance and start, after the given instance and start. @see protocol 08 §3.6 */
export async function computeSpanRows(
  db: Db,
  page: {
    readonly since: Date;
    readonly after: readonly [instanceId: string, startedAt: string];
    readonly limit: number;
  },
): Promise<ComputeSpanRow[]> {
  const [instanceId, startedAt] = page.after;
  const { rows } = await sql<ComputeSpanRow>`
    select h.instance_id, h.compute_multiplier, ${utcText("h.started_at")} as started_at, ${utcText("h.ended_at")} as ended_at
    from instance_compute_history h
    where (h.ended_at is null or h.ended_at >= ${page.since})
      and (h.instance_id, h.started_at) > (${instanceId}, ${startedAt}::timestamp at time zone 'utc')
    order by h.instance_id, h.started_at limit ${page.limit}`.execute(db);
  return rows;
}

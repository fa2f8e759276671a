import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { AuditRow } from "./audit-report.js";
import type { ExportWindow } from "./export-repository.js";

/** ISO with six digits and no zone, as the report carries times. */
const iso = (column: string) => sql`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/** The time, or null when it lies after the window: a late export must not know more than a punctual one. */
const isoUntil = (column: string, end: Date): RawBuilder<string | null> =>
  sql`case when ${sql.ref(column)} <= ${end} then ${iso(column)} end`;

/** Audit rows that were alive at some moment of the window, as they stood at its end. @see protocol 08 §2.6 */
export async function instanceAuditRows(db: Db, { start, end }: ExportWindow): Promise<AuditRow[]> {
  const ended = sql`a.deleted_at <= ${end}`;
  const { rows } = await sql<AuditRow>`
    select instance_id, chute_id, version, ${iso("a.created_at")} as created_at, ${isoUntil("a.verified_at", end)} as verified_at,
      ${isoUntil("a.deleted_at", end)} as deleted_at, case when ${ended} then deletion_reason end as deletion_reason,
      miner_uid::text as miner_uid, miner_hotkey, region, ${isoUntil("a.activated_at", end)} as activated_at, billed_to,
      ${iso("a.stop_billing_at")} as stop_billing_at, compute_multiplier, hourly_rate, bounty,
      case when ${ended} then valid_termination end as valid_termination
    from instance_audit a
    where (a.deleted_at is null or a.deleted_at >= ${start}) and a.created_at < ${end}
    order by instance_id`.execute(db);
  return rows;
}

/** Multiplier intervals that touch the window, by instance and start, as they stood at its end. @see protocol 08 §2.6 */
export async function computeHistoryRows(db: Db, { start, end }: ExportWindow): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select instance_id, compute_multiplier, ${iso("h.started_at")} as started_at, ${isoUntil("h.ended_at", end)} as ended_at
    from instance_compute_history h
    where h.started_at < ${end} and (h.ended_at is null or h.ended_at >= ${start})
    order by instance_id, h.started_at`.execute(db);
  return rows;
}

/** The first moment that an export could cover, or undefined on an empty platform. */
export async function firstActivity(db: Db): Promise<Date | undefined> {
  const { rows } = await sql<{ first: Date | null }>`
    select least((select min(started_at) from partitioned_invocations), (select min(created_at) from instance_audit)) as first`.execute(
    db,
  );
  return rows[0]?.first ?? undefined;
}

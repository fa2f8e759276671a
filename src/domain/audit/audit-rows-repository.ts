import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { AuditRow } from "./audit-report.js";
import type { ExportWindow } from "./export-repository.js";

/** ISO with six digits and no zone, as the report carries times. */
const iso = (column: string) => sql`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/** Audit rows that were alive at some moment of the window. @see protocol 08 §2.6 */
export async function instanceAuditRows(db: Db, { start, end }: ExportWindow): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select instance_id, chute_id, version, ${iso("created_at")} as created_at, ${iso("verified_at")} as verified_at,
      ${iso("deleted_at")} as deleted_at, deletion_reason, miner_uid::text as miner_uid, miner_hotkey, region,
      ${iso("activated_at")} as activated_at, billed_to, ${iso("stop_billing_at")} as stop_billing_at, compute_multiplier,
      hourly_rate, bounty, valid_termination
    from instance_audit
    where (instance_audit.deleted_at is null or instance_audit.deleted_at between ${start} and ${end}) and instance_audit.created_at < ${end}
    order by instance_id`.execute(db);
  return rows;
}

/** Multiplier intervals that touch the window, by instance and start. @see protocol 08 §2.6 */
export async function computeHistoryRows(db: Db, { start, end }: ExportWindow): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select instance_id, compute_multiplier, ${iso("started_at")} as started_at, ${iso("ended_at")} as ended_at
    from instance_compute_history
    where instance_compute_history.started_at < ${end}
      and (instance_compute_history.ended_at is null or instance_compute_history.ended_at >= ${start})
    order by instance_id, instance_compute_history.started_at`.execute(db);
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

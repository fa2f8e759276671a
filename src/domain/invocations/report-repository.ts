import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

export interface Report {
  /** Parent id: what the caller read in `X-Chutes-InvocationID`. */
  readonly invocationId: string;
  readonly userId: string;
  readonly reason: string;
  readonly now: Date;
}

/**
 * Files a report of a bad answer. `unknown`: this user made no such call; `repeated`: it was reported before.
 * @see protocol 04 §12.7
 */
export async function fileReport(db: Db, report: Report): Promise<"filed" | "repeated" | "unknown"> {
  const { invocationId, userId, reason, now } = report;
  const { rows } = await sql<{ owned: boolean; filed: boolean }>`
    with owned as (
      select 1 from partitioned_invocations where parent_invocation_id = ${invocationId} and user_id = ${userId} limit 1
    ), filed as (
      insert into reports (invocation_id, user_id, timestamp, reason)
      select ${invocationId}, ${userId}, ${now}::timestamptz, ${reason} from owned
      on conflict (invocation_id) do nothing returning 1
    )
    select exists (select from owned) as owned, exists (select from filed) as filed`.execute(db);
  const [outcome] = rows;
  if (outcome?.owned !== true) return "unknown";
  return outcome.filed ? "filed" : "repeated";
}

/** What an operator says of a report. */
export interface Confirmation {
  /** Parent id of the reported call. */
  readonly invocationId: string;
  /** Account in whose name it is confirmed; must exist. */
  readonly username: string;
  readonly now: Date;
  /** Only says what would become of it. */
  readonly dryRun: boolean;
}

/**
 * Confirms a report, which takes the call's attempts out of scoring. `repeated`: it was confirmed before; `unknown`: there is
 * no such report, or no such account.
 * @see protocol 04 §9.4, §12.7
 */
export async function confirmReport(db: Db, confirmation: Confirmation): Promise<"confirmed" | "repeated" | "unknown"> {
  const { invocationId, username, now, dryRun } = confirmation;
  const { rows } = await sql<{ open: boolean }>`
    with account as (
      select user_id from users where lower(username) = lower(${username})
    ), confirmed as (
      update reports r set confirmed_at = ${now}::timestamptz, confirmed_by = account.user_id from account
      where r.invocation_id = ${invocationId} and r.confirmed_at is null and not ${dryRun}
    )
    select r.confirmed_at is null as open from reports r, account where r.invocation_id = ${invocationId}`.execute(db);
  const [found] = rows;
  if (found === undefined) return "unknown";
  return found.open ? "confirmed" : "repeated";
}

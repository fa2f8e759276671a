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

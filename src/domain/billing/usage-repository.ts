import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** What one chute used on one UTC day, all users together. */
export interface UsageDay {
  readonly chuteId: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly amountMicroUsd: bigint;
  readonly count: number;
}

const LIMIT = 50_000;

/** Days since then, newest first, dearest chutes first. @see protocol 04 §12.2 */
export async function recentUsage(db: Db, since: Date): Promise<UsageDay[]> {
  const { rows } = await sql<UsageDay>`
    select chute_id as "chuteId", to_char(bucket at time zone 'utc', 'YYYY-MM-DD') as date,
      sum(amount_micro_usd)::bigint as "amountMicroUsd", sum(count)::integer as count
    from usage_data where bucket >= ${since}
    group by 1, 2 order by 2 desc, 3 desc limit ${LIMIT}`.execute(db);
  return rows;
}

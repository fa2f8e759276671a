import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/**
 * Sets every chute's calls of the past day, which lists are sorted by. Rows that would not change are left alone; `updated_at`
 * stays, for nothing of the chute itself changed.
 * @returns ids of the chutes that changed
 * @see protocol 03 §1
 */
export async function refreshInvocationCounts(tx: Db, now: Date): Promise<string[]> {
  const since = new Date(now.getTime() - 86_400_000);
  const { rows } = await sql<{ chuteId: string }>`
    with counted as (
      select chute_id, least(sum(count), 2147483647)::integer as calls from usage_hours
      where hour >= ${since}::timestamptz group by chute_id
    ), changed as (
      select c.chute_id, coalesce(counted.calls, 0) as calls from chutes c left join counted using (chute_id)
      where c.invocation_count <> coalesce(counted.calls, 0) order by c.chute_id for update of c
    )
    update chutes c set invocation_count = changed.calls from changed where c.chute_id = changed.chute_id
    returning c.chute_id as "chuteId"`.execute(tx);
  return rows.map(({ chuteId }) => chuteId);
}

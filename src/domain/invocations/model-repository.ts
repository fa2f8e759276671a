import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

const LIMIT = 1000;

/** Public language-model chutes of one owner, most used of the last day first. @see protocol 04 §12.1 */
export async function publicModelIds(db: Db, ownerUsername: string, now: Date): Promise<string[]> {
  const dayAgo = new Date(now.getTime() - 86_400_000);
  const { rows } = await sql<{ chuteId: string }>`
    select c.chute_id as "chuteId" from chutes c join users u using (user_id)
    left join (select chute_id, sum(count) as calls from usage_data where bucket >= ${dayAgo} group by chute_id) d using (chute_id)
    where u.username = ${ownerUsername} and c.public and not c.disabled and c.standard_template = 'vllm'
    order by coalesce(d.calls, 0) desc, c.name limit ${LIMIT}`.execute(db);
  return rows.map(({ chuteId }) => chuteId);
}

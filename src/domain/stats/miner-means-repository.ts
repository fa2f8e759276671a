import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** A language model that was called. */
export interface MeasuredChute {
  readonly chuteId: string;
  /** Null where it is nobody's business. */
  readonly name: string | null;
}

/** How one instance of a language model did. */
export interface InstanceMeans {
  readonly minerHotkey: string;
  readonly instanceId: string;
  /** Output tokens per second; null when it was not measured. */
  readonly tps: number | null;
  /** Output tokens per call. */
  readonly outputTokens: number;
}

const CHUTES_LIMIT = 5000;
const INSTANCES_LIMIT = 5000;

/** Language models that were called since a moment, busiest first. @see protocol 03 §9.8, §17.12 */
export async function measuredChutes(db: Db, since: Date): Promise<MeasuredChute[]> {
  const { rows } = await sql<MeasuredChute>`
    select c.chute_id as "chuteId", case when c.public then c.name end as name
    from chutes c join (
      select chute_id, sum(llm_requests) as calls from invocation_hours where hour >= ${since}::timestamptz group by chute_id
    ) h using (chute_id)
    where c.standard_template = 'vllm' and h.calls > 0 order by h.calls desc, c.chute_id limit ${CHUTES_LIMIT}`.execute(
    db,
  );
  return rows;
}

/** A language model by its id, as it may be shown. */
export async function measuredChute(db: Db, chuteId: string): Promise<MeasuredChute | undefined> {
  const { rows } = await sql<MeasuredChute>`
    select chute_id as "chuteId", case when public then name end as name
    from chutes where chute_id = ${chuteId} and standard_template = 'vllm'`.execute(db);
  return rows[0];
}

/** Instances of a language model that were called since a moment, those with the longest answers first. @see protocol 03 §9.8 */
export async function instanceMeans(db: Db, chuteId: string, since: Date): Promise<InstanceMeans[]> {
  const { rows } = await sql<InstanceMeans>`
    select max(miner_hotkey) as "minerHotkey", instance_id as "instanceId", sum(tps_sum) / nullif(sum(tps_count), 0)::double precision as tps,
      (sum(output_tokens) / sum(llm_requests))::double precision as "outputTokens"
    from invocation_hours where chute_id = ${chuteId} and hour >= ${since}::timestamptz
    group by instance_id having sum(llm_requests) > 0
    order by 4 desc, 2 limit ${INSTANCES_LIMIT}`.execute(db);
  return rows;
}

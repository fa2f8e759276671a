import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** What language models did on one UTC day. */
export interface LlmDay {
  readonly chuteId: string;
  /** Masked unless the platform owns the chute. */
  readonly name: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Output tokens per second; null when nothing was streamed. */
  readonly tps: number | null;
  /** Seconds to the first token; null when nothing was streamed. */
  readonly ttftSeconds: number | null;
}

/** What an image model did on one UTC day; zeros on days without calls. */
export interface DiffusionDay {
  readonly chuteId: string;
  readonly name: string;
  readonly date: string;
  readonly steps: number;
  readonly requests: number;
  /** Steps per second. */
  readonly sps: number;
}

/** Which days. */
export interface LlmQuestion {
  readonly platformUsername: string;
  /** First and last day, `YYYY-MM-DD`. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly chuteId?: string | undefined;
}

/** Rows of one answer; older days are cut off. */
const LIMIT = 50_000;
const MASK = "[private]";

/** Successful calls that counted tokens, newest day first, busiest chutes first. @see protocol 04 §12.3 */
export async function llmDays(db: Db, { platformUsername, from, to, chuteId }: LlmQuestion): Promise<LlmDay[]> {
  const { rows } = await sql<LlmDay>`
    with ${platformNames(platformUsername)}
    select d.chute_id as "chuteId", coalesce(names.name, ${MASK}) as name, to_char(d.day, 'YYYY-MM-DD') as date,
      d.llm_requests::double precision as requests, d.input_tokens::double precision as "inputTokens",
      d.output_tokens::double precision as "outputTokens", d.otps_sum / nullif(d.otps_count, 0) as tps,
      d.ttft_sum / nullif(d.ttft_count, 0) as "ttftSeconds"
    from invocation_days d left join names using (chute_id)
    where d.llm_requests > 0 and d.day >= ${from ?? "-infinity"}::date and d.day <= ${to ?? "infinity"}::date
      ${chuteId === undefined ? sql`` : sql`and d.chute_id = ${chuteId}`}
    order by d.day desc, d.llm_requests desc, d.chute_id limit ${LIMIT}`.execute(db);
  return rows;
}

/** Every image model on every day since the first call of any, newest day first, then by name. @see protocol 04 §12.4 */
export async function diffusionDays(
  db: Db,
  question: { readonly platformUsername: string; readonly today: string },
): Promise<DiffusionDay[]> {
  const { rows } = await sql<DiffusionDay>`
    with ${platformNames(question.platformUsername)}, models as (
      select chute_id, min(day) as first from invocation_days where step_requests > 0 group by chute_id
    ), days as (
      select day::date as day from (select min(first) as first from models) since
      cross join lateral generate_series(since.first, ${question.today}::date, '1 day') day
      order by day desc limit ${LIMIT}
    )
    select m.chute_id as "chuteId", coalesce(names.name, ${MASK}) as name, to_char(days.day, 'YYYY-MM-DD') as date,
      coalesce(d.steps, 0)::double precision as steps, coalesce(d.step_requests, 0)::double precision as requests,
      coalesce(d.sps_sum / nullif(d.sps_count, 0), 0) as sps
    from days cross join models m left join names using (chute_id)
    left join invocation_days d on d.day = days.day and d.chute_id = m.chute_id and d.step_requests > 0
    order by days.day desc, 2, m.chute_id limit ${LIMIT}`.execute(db);
  return rows;
}

/** Names of the platform's own chutes, also of those that are gone. @see protocol 04 §12.3 (no other name is shown) */
function platformNames(username: string): RawBuilder<unknown> {
  return sql`names as (
    select distinct on (h.chute_id) h.chute_id, h.name from chute_history h join users u using (user_id)
    where lower(u.username) = lower(${username}) order by h.chute_id, h.updated_at desc
  )`;
}

import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** What one chute used on one UTC day, all users together. */
export interface UsageDay {
  readonly chuteId: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly amountMicroUsd: bigint;
  readonly count: number;
}

/** Which of a user's hours are asked for. */
export interface UsageQuestion {
  readonly userId: string;
  readonly chuteId?: string | undefined;
  /** First moment. */
  readonly from?: Date | undefined;
  /** First moment after it. */
  readonly until?: Date | undefined;
  /** One item per hour and chute instead of one per hour. */
  readonly perChute: boolean;
}

export interface UsagePage extends UsageQuestion {
  readonly limit: number;
  readonly offset: number;
}

/** What a user used in one hour. */
export interface UsageHour {
  readonly bucket: Date;
  /** Absent when the chutes of an hour are added up. */
  readonly chuteId?: string;
  readonly amountMicroUsd: bigint;
  readonly count: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const LIMIT = 50_000;

/** Days from `firstDay` (`YYYY-MM-DD`) on, newest first, dearest chutes first. @see protocol 04 §12.2 */
export async function recentUsage(db: Db, firstDay: string): Promise<UsageDay[]> {
  const { rows } = await sql<UsageDay>`
    select chute_id as "chuteId", to_char(day, 'YYYY-MM-DD') as date, amount_micro_usd as "amountMicroUsd",
      count::double precision as count
    from usage_days where day >= ${firstDay}::date
    order by day desc, amount_micro_usd desc, chute_id limit ${LIMIT}`.execute(db);
  return rows;
}

/** One page of a user's usage, newest hour first. @see protocol 01 §6.5 */
export function usagePage(db: Db, page: UsagePage): Promise<UsageHour[]> {
  return page.perChute ? chuteHours(db, page) : hours(db, page);
}

/** How many items all pages have together. Busy users have hundreds of thousands: ask seldom. */
export function usageTotal(db: Db, question: UsageQuestion): Promise<number> {
  const isRows = question.perChute || question.chuteId !== undefined;
  return isRows ? countRows(db, question) : countHours(db, question);
}

/** The rows themselves, in the order of their index. */
async function chuteHours(db: Db, question: UsagePage): Promise<UsageHour[]> {
  const { rows } = await sql<UsageHour>`
    select bucket, chute_id as "chuteId", amount_micro_usd as "amountMicroUsd", count,
      input_tokens::double precision as "inputTokens", output_tokens::double precision as "outputTokens"
    from usage_data where ${asked(question)}
    order by bucket desc, chute_id desc limit ${question.limit} offset ${question.offset}`.execute(db);
  return rows;
}

async function hours(db: Db, question: UsagePage): Promise<UsageHour[]> {
  const { rows } = await sql<UsageHour>`
    select bucket, sum(amount_micro_usd)::bigint as "amountMicroUsd", sum(count)::double precision as count,
      sum(input_tokens)::double precision as "inputTokens", sum(output_tokens)::double precision as "outputTokens"
    from usage_data where ${asked(question)} group by bucket
    order by bucket desc limit ${question.limit} offset ${question.offset}`.execute(db);
  return rows;
}

async function countRows(db: Db, question: UsageQuestion): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*)::integer as total from usage_data where ${asked(question)}`.execute(db);
  return rows[0]?.total ?? 0;
}

/** One step of the index per hour: users of many chutes have many rows in each. */
async function countHours(db: Db, question: UsageQuestion): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    with recursive used as (
      (select bucket from usage_data where ${asked(question)} order by bucket desc limit 1)
      union all
      select (
        select usage_data.bucket from usage_data where ${asked(question)} and usage_data.bucket < used.bucket
        order by usage_data.bucket desc limit 1
      ) from used where used.bucket is not null
    )
    select count(bucket)::integer as total from used`.execute(db);
  return rows[0]?.total ?? 0;
}

function asked({ userId, chuteId, from, until }: UsageQuestion): RawBuilder<unknown> {
  return sql.join(
    [
      sql`user_id = ${userId}`,
      ...(chuteId === undefined ? [] : [sql`chute_id = ${chuteId}`]),
      ...(from === undefined ? [] : [sql`usage_data.bucket >= ${from}::timestamptz`]),
      ...(until === undefined ? [] : [sql`usage_data.bucket < ${until}::timestamptz`]),
    ],
    sql` and `,
  );
}

import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** Days (UTC) whose hours are kept, today not counted. Older days are counted from their rows at once. @see protocol 04 §11.1 */
export const HOURS_KEPT_DAYS = 8;

/** What one step counted. */
export interface RolledUp {
  /** First moment of the hour or, for days whose hours are not kept, of the day. */
  readonly start: Date;
  /** Rows of the invocation log that were read. */
  readonly rows: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A day of millions of rows takes longer than a statement of a request may. */
const STATEMENT_TIMEOUT_MS = 120_000;

/** Newest hour with rows that are not in its sums, of those before a moment. */
export async function newestStaleHour(db: Db, before: Date | undefined): Promise<Date | undefined> {
  const row = await db
    .selectFrom("stale_hours")
    .select("hour")
    .$if(before !== undefined, (query) => query.where("hour", "<", before ?? new Date(0)))
    .orderBy("hour", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.hour;
}

/**
 * Counts a stale hour anew, and its day, in the caller's transaction (read committed). The marks go first: rows that are
 * stored while this runs leave marks of their own. Running it again changes nothing.
 * @see protocol 04 §12
 */
export async function rollUp(tx: Db, hour: Date, now: Date): Promise<RolledUp> {
  await sql`select set_config('statement_timeout', ${String(STATEMENT_TIMEOUT_MS)}, true)`.execute(tx);
  const day = startOfDay(hour);
  const isKept = hour.getTime() >= oldestKept(now).getTime();
  const span = isKept ? { start: hour, end: later(hour, HOUR_MS) } : { start: day, end: later(day, DAY_MS) };
  await tx.deleteFrom("stale_hours").where("hour", ">=", span.start).where("hour", "<", span.end).execute();
  if (!isKept) {
    const rows = await countDay(tx, span, attemptSums(span));
    await countUsageDay(tx, span, usageSums(span));
    return { start: span.start, rows };
  }
  const rows = await countHour(tx, span);
  await countUsageHour(tx, span);
  const whole = { start: day, end: later(day, DAY_MS) };
  await countDay(tx, whole, sql`select * from invocation_hours where ${within("hour", whole)}`);
  await countUsageDay(tx, whole, sql`select * from usage_hours where ${within("hour", whole)}`);
  return { start: span.start, rows };
}

/** Removes hours that are in their days for good. */
export async function trimHours(tx: Db, now: Date): Promise<void> {
  const before = oldestKept(now);
  await tx.deleteFrom("invocation_hours").where("hour", "<", before).execute();
  await tx.deleteFrom("usage_hours").where("hour", "<", before).execute();
}

interface Span {
  readonly start: Date;
  /** First moment after it. */
  readonly end: Date;
}

/** Columns that add up, from attempts to hours and from hours to days. */
const SUMS = [
  "requests",
  "successes",
  "errors",
  "rate_limits",
  "busy_seconds",
  "amount_micro_usd",
  "llm_requests",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "tps_sum",
  "tps_count",
  "otps_sum",
  "otps_count",
  "ttft_sum",
  "ttft_count",
  "step_requests",
  "steps",
  "sps_sum",
  "sps_count",
] as const;

const COLUMNS = sql.join(SUMS.map((name) => sql.ref(name)));
const ADDED = sql.join(SUMS.map((name) => sql`sum(${sql.ref(name)}) as ${sql.ref(name)}`));
/** The log only grows: fewer rows than before means that a partition was dropped, and then the old sums are right. */
const REPLACED = sql.join(SUMS.map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`));

/** Sums of the log by chute and instance. `otps` is the rate of 04 §12.3, not always the metric of that name. */
function attemptSums(span: Span): RawBuilder<unknown> {
  return sql`
    select chute_id, instance_id, max(miner_hotkey) as miner_hotkey,
      count(*) as requests, count(*) filter (where error_message is null) as successes,
      count(*) filter (where error_message <> 'RATE_LIMIT') as errors,
      count(*) filter (where error_message = 'RATE_LIMIT') as rate_limits,
      coalesce(sum(seconds) filter (where error_message is null), 0) as busy_seconds,
      sum(amount_micro_usd) as amount_micro_usd,
      count(it) as llm_requests, coalesce(sum(it), 0) as input_tokens,
      coalesce(sum(ot) filter (where it is not null), 0) as output_tokens,
      coalesce(sum(ct) filter (where it is not null), 0) as cached_tokens,
      coalesce(sum(tps) filter (where it is not null), 0) as tps_sum, count(tps) filter (where it is not null) as tps_count,
      coalesce(sum(rate), 0) as otps_sum, count(rate) as otps_count,
      coalesce(sum(ttft) filter (where it is not null), 0) as ttft_sum, count(ttft) filter (where it is not null) as ttft_count,
      count(steps) as step_requests, coalesce(sum(steps), 0) as steps,
      coalesce(sum(sps) filter (where steps is not null), 0) as sps_sum, count(sps) filter (where steps is not null) as sps_count
    from (
      select i.chute_id, i.instance_id, i.miner_hotkey, i.error_message, i.amount_micro_usd, t.seconds, m.it, m.ot, m.ct, m.tps,
        m.ttft, m.steps, m.sps,
        case when m.it is null then null when m.otps is not null then m.otps
          when t.seconds > m.ttft then m.ot / (t.seconds - m.ttft) end as rate
      from partitioned_invocations i
      cross join lateral (select extract(epoch from i.completed_at - i.started_at)::double precision as seconds) t
      left join lateral jsonb_to_record(i.metrics) as m (it double precision, ot double precision, ct double precision,
        tps double precision, otps double precision, ttft double precision, steps double precision, sps double precision)
        on i.error_message is null
      where ${within("i.started_at", span)}
    ) attempts group by chute_id, instance_id`;
}

function usageSums(span: Span): RawBuilder<unknown> {
  return sql`
    select chute_id, sum(amount_micro_usd) as amount_micro_usd, sum(count) as count
    from usage_data where ${within("bucket", span)} group by chute_id`;
}

async function countHour(tx: Db, span: Span): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    with counted as materialized (${attemptSums(span)}), stored as (
      insert into invocation_hours as h (hour, chute_id, instance_id, miner_hotkey, ${COLUMNS})
      select ${span.start}::timestamptz, chute_id, instance_id, miner_hotkey, ${COLUMNS} from counted
      on conflict (hour, chute_id, instance_id) do update set miner_hotkey = excluded.miner_hotkey, ${REPLACED}
      where h.requests < excluded.requests
    )
    select coalesce(sum(requests), 0)::double precision as rows from counted`.execute(tx);
  return rows[0]?.rows ?? 0;
}

async function countDay(tx: Db, span: Span, source: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    with counted as materialized (select chute_id, ${ADDED} from (${source}) parts group by chute_id), stored as (
      insert into invocation_days as d (day, chute_id, ${COLUMNS})
      select ${dateOf(span)}::date, chute_id, ${COLUMNS} from counted
      on conflict (day, chute_id) do update set ${REPLACED} where d.requests < excluded.requests
    )
    select coalesce(sum(requests), 0)::double precision as rows from counted`.execute(tx);
  return rows[0]?.rows ?? 0;
}

async function countUsageHour(tx: Db, span: Span): Promise<void> {
  await sql`
    insert into usage_hours as u (hour, chute_id, amount_micro_usd, count)
    select ${span.start}::timestamptz, chute_id, amount_micro_usd, count from (${usageSums(span)}) counted
    on conflict (hour, chute_id) do update set amount_micro_usd = excluded.amount_micro_usd, count = excluded.count
    where (u.amount_micro_usd, u.count) is distinct from (excluded.amount_micro_usd, excluded.count)`.execute(tx);
}

async function countUsageDay(tx: Db, span: Span, source: RawBuilder<unknown>): Promise<void> {
  await sql`
    insert into usage_days as u (day, chute_id, amount_micro_usd, count)
    select ${dateOf(span)}::date, chute_id, sum(amount_micro_usd), sum(count) from (${source}) parts group by chute_id
    on conflict (day, chute_id) do update set amount_micro_usd = excluded.amount_micro_usd, count = excluded.count
    where (u.amount_micro_usd, u.count) is distinct from (excluded.amount_micro_usd, excluded.count)`.execute(tx);
}

function within(column: string, { start, end }: Span): RawBuilder<boolean> {
  return sql`${sql.ref(column)} >= ${start}::timestamptz and ${sql.ref(column)} < ${end}::timestamptz`;
}

function dateOf({ start }: Span): string {
  return start.toISOString().slice(0, 10);
}

function oldestKept(now: Date): Date {
  return later(startOfDay(now), -HOURS_KEPT_DAYS * DAY_MS);
}

function startOfDay(at: Date): Date {
  return new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS);
}

function later(at: Date, ms: number): Date {
  return new Date(at.getTime() + ms);
}

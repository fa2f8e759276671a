// A log of invocations of any size, made by the database: `npx tsx bench/generate-invocations.ts URL [rows] [days] [seed]`.
import { pathToFileURL } from "node:url";
import { sql } from "kysely";
import { type Db, openPostgres } from "../src/infra/postgres/client.js";
import { TEMPLATE_CORDS } from "../src/wire/cords.js";

const DAY_MS = 86_400_000;
const CHUTES = 150;
const INSTANCES = 800;
const USERS = 2000;
/** Everything is used by few users much and by many a little. */
const SKEW = 3;

export interface InvocationsOptions {
  readonly rows: number;
  /** Days over which they are spread, the last one ending at `end`. */
  readonly days: number;
  readonly end: Date;
  readonly seed: number;
}

/** Id of the user who calls most. */
export const BUSIEST_USER = "00000000-0000-4000-8000-000000000000";
/** Name of the account that owns all chutes but every tenth. */
export const PLATFORM_USERNAME = "chutes";
/** Id of the language model that is called most. */
export const BUSIEST_CHUTE = "c0000000-0000-5000-8000-000000000000";

/**
 * Users, chutes and instances, and what they did: the log, and usage as settlement would have left it. The same options give
 * the same rows. Needs a migrated database without these rows.
 */
export async function generateInvocations(db: Db, options: InvocationsOptions): Promise<void> {
  const start = new Date(options.end.getTime() - options.days * DAY_MS);
  await makeActors(db, start);
  await sql`select ensure_invocation_partitions(${start}, ${options.end})`.execute(db);
  for (let day = 0; day < options.days; day += 1) {
    const rows =
      Math.floor((options.rows * (day + 1)) / options.days) - Math.floor((options.rows * day) / options.days);
    const from = new Date(start.getTime() + day * DAY_MS);
    await db.transaction().execute(async (tx) => {
      await sql`select setseed(${((options.seed * 1000 + day) % 9973) / 9973})`.execute(tx);
      await makeDay(tx, { from, day, rows });
    });
  }
  await sql`analyze`.execute(db);
}

async function makeActors(db: Db, at: Date): Promise<void> {
  await sql`
    insert into users (user_id, username, coldkey, payment_address, wallet_secret, fingerprint_hash, created_at, updated_at)
    select ${uuid("00000000-0000-4000-8000", sql`n`)}, case n when 1 then ${PLATFORM_USERNAME} else 'user-' || n end, 'cold', 'pay',
      'sealed', 'print-' || n, ${at}::timestamptz, ${at}::timestamptz
    from generate_series(0, ${USERS - 1}) n`.execute(db);
  await sql`
    insert into images (image_id, user_id, name, tag, status, created_at)
    select 'image', ${uuid("00000000-0000-4000-8000", sql`1`)}, 'engine', '1', 'built and pushed', ${at}::timestamptz`.execute(
    db,
  );
  await sql`
    insert into chutes (chute_id, user_id, name, image_id, public, standard_template, cords, node_selector, slug, code, filename,
      ref_str, version, concurrency, chutes_version, created_at, updated_at)
    select ${uuid("c0000000-0000-5000-8000", sql`n`)}, ${uuid("00000000-0000-4000-8000", sql`case n % 10 when 9 then n else 1 end`)},
      'org/model-' || n, 'image', n % 10 <> 9, case when n % 5 = 3 then 'diffusion' when n % 5 < 4 then 'vllm' end,
      ${JSON.stringify(TEMPLATE_CORDS.vllm)}::json, '{"gpu_count": 1, "include": ["h100"]}', 'slug-' || n, '', 'app.py', 'app:chute', 'v1', 16,
      '0.6.10', ${at}::timestamptz, ${at}::timestamptz
    from generate_series(0, ${CHUTES - 1}) n`.execute(db);
}

/** Metrics are those of a streamed call or of an image; a tenth of the calls is not streamed, a twentieth fails. */
async function makeDay(tx: Db, { from, day, rows }: { from: Date; day: number; rows: number }): Promise<void> {
  const chute = uuid("c0000000-0000-5000-8000", sql`c`);
  const user = uuid("00000000-0000-4000-8000", sql`u`);
  await sql`
    insert into partitioned_invocations (invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name, user_id, image_id,
      image_user_id, instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message, compute_multiplier, metrics,
      amount_micro_usd)
    select ${uuid("a0000000-0000-4000-8000", sql`${day}::bigint * 10000000 + n`)}, ${uuid("b0000000-0000-4000-8000", sql`${day}::bigint * 10000000 + n`)},
      ${chute}, ${uuid("00000000-0000-4000-8000", sql`case c % 10 when 9 then c else 1 end`)}, 'chat_stream', ${user}, 'image',
      ${uuid("00000000-0000-4000-8000", sql`1`)}, ${uuid("d0000000-0000-4000-8000", sql`i`)}, i % 200, '5' || md5('miner' || i % 200) || repeat('x', 15),
      started_at, started_at + make_interval(secs => took), case when fate < 0.03 then 'RATE_LIMIT' when fate < 0.05 then 'INSTANCE_ERROR' end,
      0.397777, case when fate < 0.05 then null
        when c % 5 = 3 then jsonb_build_object('steps', 20 + n % 30, 'sps', round(((20 + n % 30) / took)::numeric, 3), 'masps', 0.05, 'b', 0.0358)
        when c % 5 = 4 then jsonb_build_object('b', 0.000498)
        else jsonb_build_object('it', n % 30000, 'ot', n % 2000, 'ct', n % 900, 'tokens', n % 2000,
          'ttft', case when n % 10 = 0 then null else round((took / 8)::numeric, 3) end, 'tt', round(took::numeric, 3),
          'tps', round((n % 2000 / took)::numeric, 3), 'ctps', round((n % 32000 / took)::numeric, 3), 'mc', n % 7,
          'maspt', round((took / (1 + n % 32000))::numeric, 8), 'nc', round(took::numeric, 3), 'b', 0.000037)
          || case when n % 3 = 0 then jsonb_build_object('ptps', 2500.5, 'otps', 20 + n % 60) else '{}' end end,
      case when fate < 0.05 then 0 else 37 end
    from (
      select n, c, c + ${CHUTES} * floor(random() * ${INSTANCES / CHUTES})::integer as i, floor(${USERS} * random() ^ ${SKEW})::integer as u,
        ${from}::timestamptz + random() * interval '1 day' as started_at, 0.25 + random() * 20 as took, random() as fate
      from (select n, floor(${CHUTES} * random() ^ ${SKEW})::integer as c from generate_series(0, ${rows - 1}) n) chosen
    ) drawn`.execute(tx);
  await sql`
    insert into usage_data as u (user_id, bucket, chute_id, amount_micro_usd, count, input_tokens, output_tokens)
    select user_id, date_trunc('hour', completed_at, 'UTC'), chute_id, sum(amount_micro_usd), count(*),
      coalesce(sum((metrics->>'it')::integer), 0), coalesce(sum((metrics->>'ot')::integer), 0)
    from partitioned_invocations
    where started_at >= ${from}::timestamptz and started_at < ${from}::timestamptz + interval '1 day' and error_message is null
    group by 1, 2, 3
    on conflict (user_id, bucket, chute_id) do update set amount_micro_usd = u.amount_micro_usd + excluded.amount_micro_usd,
      count = u.count + excluded.count, input_tokens = u.input_tokens + excluded.input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens`.execute(tx);
}

function uuid(prefix: string, number: ReturnType<typeof sql>) {
  return sql`${`${prefix}-`} || lpad((${number})::text, 12, '0')`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , url = "", rows = "10000000", days = "60", seed = "1"] = process.argv;
  const db = openPostgres({ url, poolSize: 1, statementTimeoutMs: 600_000 });
  const end = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2);
  await generateInvocations(db, { rows: Number(rows), days: Number(days), end, seed: Number(seed) });
  await db.destroy();
  console.log(`${rows} rows`);
}

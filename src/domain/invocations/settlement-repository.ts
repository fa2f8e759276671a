import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { PLATFORM_ACCOUNT, postTransfers, userAccount } from "../billing/ledger-repository.js";
import { type Invalidation, invalidate } from "../outbox/outbox-repository.js";

/**
 * Stores finished attempts and moves their money, in one transaction: a batch that is sent again after a lost answer, or
 * holds attempts that were stored before, charges each attempt once.
 * @param lines made by `settledLine`
 * @see protocol 04 §10.7, §18.7
 */
export async function settleAttempts(db: Db, lines: readonly string[], now: Date): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const batch = `[${lines.join(",")}]`;
    const charges = await insertAttempts(tx, batch);
    const batchId = randomUUID();
    const { emptied } = await postTransfers(
      tx,
      charges.map(({ userId, amountMicroUsd }) => ({
        from: userAccount(userId),
        to: PLATFORM_ACCOUNT.revenue,
        amountMicroUsd,
        reason: "invocations",
        idempotencyKey: `invocations:${batchId}:${userId}`,
        now,
      })),
    );
    const changed: Invalidation[] = [
      ...charges.map(({ userId }) => ({ kind: "balance" as const, id: userId })),
      ...emptied.map((id) => ({ kind: "account" as const, id })),
    ];
    await invalidate(tx, changed, now);
    if (batch.includes('"keeps_alive_until"')) await keepInstancesAlive(tx, batch);
  });
}

/** Partitions from yesterday to a week ahead. @see protocol 04 §11.1 */
export async function ensurePartitions(db: Db, now: Date): Promise<void> {
  const at = now.getTime();
  await sql`select ensure_invocation_partitions(${new Date(at - DAY_MS)}::timestamptz, ${new Date(at + 7 * DAY_MS)}::timestamptz)`.execute(
    db,
  );
}

/** Partitions for the very attempts of a batch, however old they are. */
export async function ensurePartitionsFor(db: Db, lines: readonly string[]): Promise<void> {
  await sql`select ensure_invocation_partitions(min(started_at), max(started_at))
    from json_to_recordset(${`[${lines.join(",")}]`}::json) as t (started_at timestamptz)`.execute(db);
}

const DAY_MS = 86_400_000;

interface Charge {
  readonly userId: string;
  readonly amountMicroUsd: bigint;
}

/** Rows are locked in a fixed order, so that two gateways that store at once do not wait for each other in a circle. */
async function insertAttempts(tx: Db, batch: string): Promise<readonly Charge[]> {
  const { rows } = await sql<Charge>`
    with incoming as (
      select * from json_to_recordset(${batch}::json) as t (
        invocation_id text, parent_invocation_id text, chute_id text, chute_user_id text, function_name text, user_id text,
        image_id text, image_user_id text, instance_id text, miner_uid integer, miner_hotkey text, started_at timestamptz,
        completed_at timestamptz, error_message text, compute_multiplier double precision, bounty integer, metrics jsonb,
        amount_micro_usd bigint, charged boolean, input_tokens bigint, output_tokens bigint)
    ), inserted as (
      insert into partitioned_invocations (invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name, user_id,
        image_id, image_user_id, instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message,
        compute_multiplier, bounty, metrics, amount_micro_usd)
      select invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name, user_id, image_id, image_user_id,
        instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message, compute_multiplier, coalesce(bounty, 0), metrics,
        case when charged then amount_micro_usd else 0 end
      from incoming
      on conflict do nothing
      returning invocation_id
    ), fresh as (
      select incoming.* from incoming join inserted using (invocation_id)
    ), counted as (
      insert into usage_data as u (user_id, bucket, chute_id, amount_micro_usd, count, input_tokens, output_tokens)
      select user_id, date_trunc('hour', completed_at, 'UTC'), chute_id, sum(amount_micro_usd), count(*), sum(input_tokens),
        sum(output_tokens)
      from fresh where error_message is null group by 1, 2, 3 order by 1, 2, 3
      on conflict (user_id, bucket, chute_id) do update set
        amount_micro_usd = u.amount_micro_usd + excluded.amount_micro_usd, count = u.count + excluded.count,
        input_tokens = u.input_tokens + excluded.input_tokens, output_tokens = u.output_tokens + excluded.output_tokens
    )
    select user_id as "userId", sum(amount_micro_usd)::bigint as "amountMicroUsd"
    from fresh where charged and amount_micro_usd > 0 group by user_id`.execute(tx);
  return rows;
}

/** Use keeps a private instance from being stopped; one that somebody else is changing right now is left to the next call. */
async function keepInstancesAlive(tx: Db, batch: string): Promise<void> {
  await sql`
    with wanted as (
      select instance_id, max(keeps_alive_until) as until
      from json_to_recordset(${batch}::json) as t (instance_id text, keeps_alive_until timestamptz)
      where keeps_alive_until is not null group by instance_id
    ), free as (
      select i.instance_id from instances i join wanted w using (instance_id)
      where i.stop_billing_at < w.until for update of i skip locked
    )
    update instances i set stop_billing_at = w.until from wanted w join free f using (instance_id)
    where i.instance_id = w.instance_id`.execute(tx);
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { stringifyJson } from "../../wire/json.js";
import { offsetIso } from "../../wire/timestamps.js";

/** Accounts of the books that belong to no user; a user's own is `user:<id>`. */
export const PLATFORM_ACCOUNT = {
  revenue: "platform:revenue",
  fees: "platform:fees",
  adjustments: "platform:adjustments",
} as const;

/** Money that moves from one account to another. */
export interface Transfer {
  readonly from: string;
  readonly to: string;
  /** Micro-USD, above zero. */
  readonly amountMicroUsd: bigint;
  readonly reason: string;
  /** A second transfer with the same key is ignored. */
  readonly idempotencyKey: string;
  readonly now: Date;
}

/** What became of a list of transfers. */
export interface TransferResult {
  /** How many were new. */
  readonly applied: number;
  /** Users whose balance fell from above zero to zero or below. */
  readonly emptied: readonly string[];
}

/** Name of a user's account. */
export function userAccount(userId: string): string {
  return `user:${userId}`;
}

/**
 * Books one transfer in the caller's transaction and keeps `users.balance_micro_usd` in step. The caller announces the
 * account as changed.
 * @returns false when a transfer with this idempotency key was booked before
 */
export async function postTransfer(tx: Db, transfer: Transfer): Promise<boolean> {
  return (await postTransfers(tx, [transfer])).applied === 1;
}

/** Books many transfers in one statement, as `postTransfer` does. Balances are locked in the order of user ids. */
export async function postTransfers(tx: Db, transfers: readonly Transfer[]): Promise<TransferResult> {
  if (transfers.length === 0) return { applied: 0, emptied: [] };
  const { rows } = await sql<{ applied: number; emptied: string[] }>`
    with wanted as (
      select * from json_to_recordset(${stringifyJson(transfers.map(toRow))}::json)
        as t (debit text, credit text, amount bigint, reason text, idempotency_key text, created_at timestamptz)
    ), applied as (
      insert into ledger_transfers (idempotency_key, reason, created_at)
      select idempotency_key, reason, created_at from wanted
      on conflict (idempotency_key) do nothing
      returning transfer_id, idempotency_key
    ), moved as (
      select a.transfer_id, w.debit as account, -w.amount as amount from applied a join wanted w using (idempotency_key)
      union all
      select a.transfer_id, w.credit, w.amount from applied a join wanted w using (idempotency_key)
    ), entries as (
      insert into ledger_entries (transfer_id, account, amount_micro_usd) select transfer_id, account, amount from moved
    ), totals as (
      select substr(account, 6) as user_id, sum(amount)::bigint as amount from moved where account like 'user:%' group by 1
    ), locked as (
      select user_id from users where user_id in (select user_id from totals) order by user_id for update
    ), balances as (
      update users u set balance_micro_usd = u.balance_micro_usd + t.amount
      from totals t join locked l using (user_id) where u.user_id = t.user_id
      returning u.user_id, u.balance_micro_usd as balance, t.amount
    )
    select (select count(*)::integer from applied) as applied,
      coalesce((select array_agg(user_id) from balances where balance <= 0 and balance - amount > 0), '{}') as emptied
  `.execute(tx);
  return rows[0] ?? { applied: 0, emptied: [] };
}

function toRow(transfer: Transfer): Record<string, string | bigint> {
  return {
    debit: transfer.from,
    credit: transfer.to,
    amount: transfer.amountMicroUsd,
    reason: transfer.reason,
    idempotency_key: transfer.idempotencyKey,
    created_at: offsetIso(transfer.now),
  };
}

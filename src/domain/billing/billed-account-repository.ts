import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type Account, PERMISSION } from "../accounts/account.js";

/** An account with what it may still spend, micro-USD. */
export interface BilledAccount {
  readonly account: Account;
  readonly effectiveBalanceMicroUsd: bigint;
}

/** Accounts that pay by invoice and are not free, by name. @see protocol 01 §8 */
export function invoicedAccounts(db: Db, now: Date, limit: number): Promise<BilledAccount[]> {
  const { invoiceBilling, freeAccount } = PERMISSION;
  return billedAccounts(db, now, {
    where: sql`u.permissions_bitmask & ${invoiceBilling} <> 0 and u.permissions_bitmask & ${freeAccount} = 0`,
    limit,
  });
}

/** The accounts with those ids; unknown ones are left out. */
export async function billedAccountsById(
  db: Db,
  now: Date,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, BilledAccount>> {
  const where = sql<boolean>`u.user_id = any(${userIds}::text[])`;
  const found = await billedAccounts(db, now, { where, limit: userIds.length });
  return new Map(found.map((billed) => [billed.account.userId, billed]));
}

/** Accounts whose name holds a text (any case), by name, after the given name. */
export function accountsNamedLike(
  db: Db,
  now: Date,
  page: { readonly part: string; readonly after: string; readonly limit: number },
): Promise<BilledAccount[]> {
  const where = sql<boolean>`position(${page.part.toLowerCase()} in lower(u.username)) > 0
    and lower(u.username) > ${page.after.toLowerCase()}`;
  return billedAccounts(db, now, { where, limit: page.limit });
}

/** Users who registered on one UTC day. */
export interface GrowthDay {
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly count: number;
  /** Of all days up to this one. */
  readonly total: number;
}

/** Days on which somebody registered, newest first. @see protocol 01 §8 */
export async function accountGrowth(db: Db, limit: number): Promise<GrowthDay[]> {
  const { rows } = await sql<GrowthDay>`
    select to_char(day, 'YYYY-MM-DD') as date, count, (sum(count) over (order by day))::integer as total
    from (
      select date_trunc('day', created_at at time zone 'utc') as day, count(*)::integer as count from users group by 1
    ) as days
    order by day desc limit ${limit}`.execute(db);
  return rows;
}

interface Row {
  readonly user_id: string;
  readonly username: string;
  readonly hotkey: string | null;
  readonly coldkey: string;
  readonly payment_address: string;
  readonly permissions_bitmask: number;
  readonly balance_micro_usd: bigint;
  readonly logo_id: string | null;
  readonly created_at: Date;
  readonly costs: bigint;
}

async function billedAccounts(
  db: Db,
  now: Date,
  { where, limit }: { readonly where: RawBuilder<unknown>; readonly limit: number },
): Promise<BilledAccount[]> {
  const { rows } = await sql<Row>`
    select u.user_id, u.username, u.hotkey, u.coldkey, u.payment_address, u.permissions_bitmask, u.balance_micro_usd,
      u.logo_id, u.created_at, coalesce((
        select round(sum(extract(epoch from ${now}::timestamptz - i.activated_at) / 3600 * i.hourly_rate * 1000000))::bigint
        from instances i
        where i.billed_to = u.user_id and i.activated_at is not null and i.stop_billing_at > ${now}
      ), 0) as costs
    from users u where ${where} order by lower(u.username) limit ${limit}`.execute(db);
  return rows.map(toBilledAccount);
}

function toBilledAccount(row: Row): BilledAccount {
  const isFree = (row.permissions_bitmask & PERMISSION.freeAccount) !== 0;
  const account = {
    userId: row.user_id,
    username: row.username,
    hotkey: row.hotkey,
    coldkey: row.coldkey,
    paymentAddress: row.payment_address,
    permissions: row.permissions_bitmask,
    balanceMicroUsd: row.balance_micro_usd,
    logoId: row.logo_id,
    createdAt: row.created_at,
  };
  return { account, effectiveBalanceMicroUsd: row.balance_micro_usd - (isFree ? 0n : row.costs) };
}

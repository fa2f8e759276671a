import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type Account, PERMISSION } from "./account.js";

/** The account with that id. */
export async function accountById(db: Db, userId: string): Promise<Account | undefined> {
  const row = await selectAccounts(db).where("user_id", "=", userId).executeTakeFirst();
  return row && toAccount(row);
}

/** The account of that name, any case. */
export async function accountByUsername(db: Db, username: string): Promise<Account | undefined> {
  const row = await selectAccounts(db).where(sql`lower(username)`, "=", username.toLowerCase()).executeTakeFirst();
  return row && toAccount(row);
}

/** The account of that id or, any case, of that name. */
export async function accountByIdOrName(db: Db, idOrName: string): Promise<Account | undefined> {
  const row = await selectAccounts(db)
    .where((column) =>
      column.or([column("user_id", "=", idOrName), column(sql`lower(username)`, "=", idOrName.toLowerCase())]),
    )
    .orderBy(sql`user_id = ${idOrName}`, "desc")
    .limit(1)
    .executeTakeFirst();
  return row && toAccount(row);
}

/** Id of the account that signs with that hotkey. */
export async function userIdByHotkey(db: Db, hotkey: string): Promise<string | undefined> {
  const row = await db.selectFrom("users").select("user_id").where("hotkey", "=", hotkey).executeTakeFirst();
  return row?.user_id;
}

/** Everything a new account consists of. */
export interface NewAccount extends Omit<Account, "balanceMicroUsd"> {
  /** As `storedFingerprint` makes it. */
  readonly fingerprintHash: string;
  /** Encrypted mnemonic of the payment wallet. @see protocol 01 §10 */
  readonly walletSecret: string;
  /** The same of the wallet for deposits, where there is one. @see protocol 01 §11 */
  readonly developerWalletSecret?: string;
}

/** Inserts an account. @returns what is already taken, or undefined when the account was created */
export async function insertAccount(tx: Db, account: NewAccount): Promise<"hotkey" | "username" | undefined> {
  const inserted = await tx
    .insertInto("users")
    .values({
      user_id: account.userId,
      username: account.username,
      hotkey: account.hotkey,
      coldkey: account.coldkey,
      payment_address: account.paymentAddress,
      wallet_secret: account.walletSecret,
      developer_payment_address: account.developerPaymentAddress ?? null,
      developer_wallet_secret: account.developerWalletSecret ?? null,
      fingerprint_hash: account.fingerprintHash,
      permissions_bitmask: account.permissions,
      logo_id: account.logoId,
      created_at: account.createdAt,
      updated_at: account.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("user_id")
    .executeTakeFirst();
  if (inserted !== undefined) return undefined;
  const holdsHotkey = account.hotkey !== null && (await userIdByHotkey(tx, account.hotkey)) !== undefined;
  return holdsHotkey ? "hotkey" : "username";
}

/** The quota row of a new account: nothing is free until somebody raises it. @see protocol 01 §6.3, §9.2 */
export async function insertDefaultQuota(tx: Db, userId: string, now: Date): Promise<void> {
  await tx
    .insertInto("invocation_quotas")
    .values({ user_id: userId, chute_id: "*", is_default: true, quota: 0, updated_at: now })
    .execute();
}

/** One change of an identity: who did what to whom, from where. @see protocol 01 §21.14 */
export interface AccountAuditEntry {
  readonly userId: string;
  /** User id of who did it, or the name of the operator's command. */
  readonly actor: string;
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly clientAddress: string | null;
}

/** Records a change in the transaction that makes it. */
export async function recordAccountChange(tx: Db, entry: AccountAuditEntry, now: Date): Promise<void> {
  await tx
    .insertInto("account_audit")
    .values({
      user_id: entry.userId,
      actor: entry.actor,
      action: entry.action,
      details: JSON.stringify(entry.details),
      client_address: entry.clientAddress,
      created_at: now,
    })
    .execute();
}

/**
 * What may still be spent, in micro-USD: the stored balance less what running private instances have cost so far (nothing
 * for free accounts). @see protocol 01 §9.1
 */
export async function effectiveBalance(db: Db, userId: string, now: Date): Promise<bigint> {
  const { rows } = await sql<{ balance: bigint }>`
    select u.balance_micro_usd - case when u.permissions_bitmask & ${PERMISSION.freeAccount} <> 0 then 0 else coalesce((
      select round(sum(extract(epoch from ${now}::timestamptz - i.activated_at) / 3600 * i.hourly_rate * 1000000))::bigint
      from instances i
      where i.billed_to = u.user_id and i.activated_at is not null and i.stop_billing_at > ${now}
    ), 0) end as balance
    from users u where u.user_id = ${userId}`.execute(db);
  return rows[0]?.balance ?? 0n;
}

const ACCOUNT_COLUMNS = [
  "user_id",
  "username",
  "hotkey",
  "coldkey",
  "payment_address",
  "developer_payment_address",
  "permissions_bitmask",
  "balance_micro_usd",
  "logo_id",
  "created_at",
] as const;

function selectAccounts(db: Db) {
  return db.selectFrom("users").select(ACCOUNT_COLUMNS);
}

type AccountRow = Awaited<ReturnType<ReturnType<typeof selectAccounts>["executeTakeFirstOrThrow"]>>;

function toAccount(row: AccountRow): Account {
  return {
    userId: row.user_id,
    username: row.username,
    hotkey: row.hotkey,
    coldkey: row.coldkey,
    paymentAddress: row.payment_address,
    ...(row.developer_payment_address !== null && { developerPaymentAddress: row.developer_payment_address }),
    permissions: row.permissions_bitmask,
    balanceMicroUsd: row.balance_micro_usd,
    logoId: row.logo_id,
    createdAt: row.created_at,
  };
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { effectiveBalance, recordAccountChange } from "../accounts/account-repository.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { usdOf } from "./amount.js";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "./ledger-repository.js";

/** Who changes balances, from where, when. */
interface ChangedBy {
  /** User id, or the name of the operator's command. */
  readonly actor: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** Money that one user gives to another. */
export interface BalanceTransfer extends ChangedBy {
  readonly fromUserId: string;
  readonly toUserId: string;
  /** Micro-USD, above zero; without it the whole stored balance. */
  readonly amountMicroUsd: bigint | undefined;
  /** Ids of the two entries; a transfer that comes again with the same ids is not made again. */
  readonly eventIds: { readonly debit: string; readonly credit: string };
}

/** Stored balances after a transfer, micro-USD. */
export interface TransferredBalance {
  readonly amountMicroUsd: bigint;
  readonly fromBalanceMicroUsd: bigint;
  readonly toBalanceMicroUsd: bigint;
}

/**
 * Moves money between two users. Both rows are locked in the order of their ids, so transfers that cross never wait for each
 * other in a circle; the giver must have the amount beyond what running instances have cost.
 * @throws AppError `not_found` for a user that is gone, `invalid` for too little money, `conflict` for ids that were used otherwise
 * @see protocol 01 §6.6
 */
export function transferBalance(db: Db, transfer: BalanceTransfer): Promise<TransferredBalance> {
  const { fromUserId, toUserId, now } = transfer;
  return db.transaction().execute(async (tx) => {
    const balances = await lockBalances(tx, [fromUserId, toUserId]);
    const from = balances.get(fromUserId);
    const to = balances.get(toUserId);
    if (from === undefined || to === undefined) throw new AppError("not_found", "User not found.");
    const made = await transferMade(tx, transfer);
    if (made !== undefined) return { amountMicroUsd: made, fromBalanceMicroUsd: from, toBalanceMicroUsd: to };
    const amountMicroUsd = transfer.amountMicroUsd ?? from;
    requireFunds(amountMicroUsd, await effectiveBalance(tx, fromUserId, now));
    await book(tx, transfer, amountMicroUsd);
    return {
      amountMicroUsd,
      fromBalanceMicroUsd: from - amountMicroUsd,
      toBalanceMicroUsd: to + amountMicroUsd,
    };
  });
}

function requireFunds(amountMicroUsd: bigint, effectiveMicroUsd: bigint): void {
  if (amountMicroUsd <= 0n) throw new AppError("invalid", "There is no balance to transfer.");
  if (amountMicroUsd > effectiveMicroUsd)
    throw new AppError("invalid", `Insufficient balance: ${usdOf(effectiveMicroUsd)} USD can be transferred.`);
}

async function book(tx: Db, transfer: BalanceTransfer, amountMicroUsd: bigint): Promise<void> {
  const { fromUserId, toUserId, eventIds, actor, clientAddress, now } = transfer;
  await postTransfer(tx, {
    from: userAccount(fromUserId),
    to: userAccount(toUserId),
    amountMicroUsd,
    reason: "balance transfer",
    idempotencyKey: `transfer:${eventIds.debit}`,
    now,
  });
  const sides = [
    { event_id: eventIds.debit, user_id: fromUserId, amount_micro_usd: -amountMicroUsd, other: toUserId },
    { event_id: eventIds.credit, user_id: toUserId, amount_micro_usd: amountMicroUsd, other: fromUserId },
  ];
  const rows = sides.map(({ other, ...row }) => ({ ...row, reason: `transfer with ${other}` }));
  await tx
    .insertInto("admin_balance_changes")
    .values(rows.map((row) => ({ ...row, created_by: actor, created_at: now })))
    .execute();
  const details = { from: fromUserId, to: toUserId, amountMicroUsd: String(amountMicroUsd), ...eventIds };
  for (const userId of [fromUserId, toUserId]) {
    await recordAccountChange(tx, { userId, actor, action: "balance_transfer", details, clientAddress }, now);
  }
  await invalidate(
    tx,
    [fromUserId, toUserId].map((id) => ({ kind: "account", id })),
    now,
  );
}

/** Amount of the transfer that was made under these ids before. */
async function transferMade(tx: Db, { eventIds, ...wanted }: BalanceTransfer): Promise<bigint | undefined> {
  const rows = await tx
    .selectFrom("admin_balance_changes")
    .select(["user_id", "amount_micro_usd"])
    .where("event_id", "in", [eventIds.debit, eventIds.credit])
    .execute();
  if (rows.length === 0) return undefined;
  const debit = rows.find((row) => row.user_id === wanted.fromUserId);
  const amount = -(debit?.amount_micro_usd ?? 0n);
  const isSame = rows.some((row) => row.user_id === wanted.toUserId) && (wanted.amountMicroUsd ?? amount) === amount;
  if (!isSame) throw new AppError("conflict", "This idempotency key was used for another transfer.");
  return amount;
}

/** Money that an administrator gives (above zero) or takes (below). */
export interface BalanceAdjustment extends ChangedBy {
  readonly userId: string;
  readonly amountMicroUsd: bigint;
  readonly reason: string;
  /** An adjustment that comes again with the same id is not made again. */
  readonly eventId: string;
}

/** @returns the stored balance afterwards, micro-USD; undefined when there is no such user @see protocol 01 §8 */
export function adjustBalance(db: Db, adjustment: BalanceAdjustment): Promise<bigint | undefined> {
  const { userId, amountMicroUsd, reason, eventId, actor, clientAddress, now } = adjustment;
  return db.transaction().execute(async (tx) => {
    const balance = (await lockBalances(tx, [userId])).get(userId);
    if (balance === undefined) return undefined;
    const [user, platform] = [userAccount(userId), PLATFORM_ACCOUNT.adjustments];
    const isNew = await postTransfer(tx, {
      ...(amountMicroUsd > 0n ? { from: platform, to: user } : { from: user, to: platform }),
      amountMicroUsd: amountMicroUsd > 0n ? amountMicroUsd : -amountMicroUsd,
      reason: "admin adjustment",
      idempotencyKey: `admin:${eventId}`,
      now,
    });
    if (!isNew) return balance;
    const row = { event_id: eventId, user_id: userId, amount_micro_usd: amountMicroUsd, reason };
    await tx
      .insertInto("admin_balance_changes")
      .values({ ...row, created_by: actor, created_at: now })
      .execute();
    const details = { amountMicroUsd: String(amountMicroUsd), reason, eventId };
    await recordAccountChange(tx, { userId, actor, action: "change_balance", details, clientAddress }, now);
    await invalidate(tx, [{ kind: "account", id: userId }], now);
    return balance + amountMicroUsd;
  });
}

async function lockBalances(tx: Db, userIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await sql<{ user_id: string; balance: bigint }>`
    select user_id, balance_micro_usd as balance from users where user_id = any(${userIds}::text[])
    order by user_id for update`.execute(tx);
  return new Map(rows.map(({ user_id: userId, balance }) => [userId, balance]));
}

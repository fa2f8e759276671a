import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { PERMISSION } from "../accounts/account.js";
import { recordAccountChange } from "../accounts/account-repository.js";
import { invalidate } from "../outbox/outbox-repository.js";

/** What happened to deposits, as the audit rows of accounts are named. */
const STEPS = ["deposit_accepted", "deposit_return_started", "deposit_returned", "deposit_return_refused"] as const;
type Step = (typeof STEPS)[number];

/** The last thing that happened to an account's deposit. */
export interface DepositState {
  /** Grows with every step; 0 before the first. */
  readonly stepId: bigint;
  readonly step: Step | undefined;
  readonly at: Date | undefined;
}

/** A wallet whose keys only the platform has. */
export interface DepositWallet {
  readonly address: string;
  /** The mnemonic as it is stored. @see protocol 01 §10 */
  readonly secret: string;
}

/** Whose deposit changes, and who changes it. */
export interface DepositChange {
  readonly userId: string;
  readonly actor: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** A transfer that was signed so long ago and is in no block is void: its signature names the blocks it may be in. */
const RETURN_MAY_TAKE_MS = 600_000;

export async function depositState(db: Db, userId: string): Promise<DepositState> {
  const row = await db
    .selectFrom("account_audit")
    .select(["audit_id", "action", "created_at"])
    .where("user_id", "=", userId)
    .where("action", "in", [...STEPS])
    .orderBy("audit_id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return { stepId: 0n, step: undefined, at: undefined };
  return { stepId: row.audit_id, step: row.action as Step, at: row.created_at };
}

/** Whether a deposit is on its way back: until that has ended it counts for nothing. */
export function isReturning({ step, at }: DepositState, now: Date): boolean {
  return step === "deposit_return_started" && now.getTime() - (at?.getTime() ?? 0) < RETURN_MAY_TAKE_MS;
}

/** The wallet for deposits; undefined for accounts from before there was one. */
export async function depositWallet(db: Db, userId: string): Promise<DepositWallet | undefined> {
  const row = await db
    .selectFrom("users")
    .select(["developer_payment_address as address", "developer_wallet_secret as secret"])
    .where("user_id", "=", userId)
    .executeTakeFirst();
  if (row === undefined || row.address === null || row.secret === null) return undefined;
  return { address: row.address, secret: row.secret };
}

/** Gives an account a wallet unless it has one. @returns the wallet it has now */
export async function keepDepositWallet(
  db: Db,
  { userId, now }: Pick<DepositChange, "userId" | "now">,
  wallet: DepositWallet,
): Promise<DepositWallet | undefined> {
  await db.transaction().execute(async (tx) => {
    const kept = await tx
      .updateTable("users")
      .set({ developer_payment_address: wallet.address, developer_wallet_secret: wallet.secret, updated_at: now })
      .where("user_id", "=", userId)
      .where("developer_payment_address", "is", null)
      .executeTakeFirst();
    if (kept.numUpdatedRows > 0n) await invalidate(tx, [{ kind: "account", id: userId }], now);
  });
  return depositWallet(db, userId);
}

/**
 * Gives the developer role for a deposit that was seen in `seen`: whatever happened to the deposit since makes it void, so
 * money that is being returned never buys the role.
 * @returns whether the role was given
 * @see protocol 01 §11
 */
export function acceptDeposit(
  db: Db,
  change: DepositChange,
  seen: { readonly state: DepositState; readonly details: Readonly<Record<string, unknown>> },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await lockUser(tx, change.userId);
    const { stepId } = await depositState(tx, change.userId);
    if (stepId !== seen.state.stepId) return false;
    const { rows } = await sql`
      update users set permissions_bitmask = permissions_bitmask | ${PERMISSION.developer}, updated_at = ${change.now}
      where user_id = ${change.userId} and permissions_bitmask & ${PERMISSION.developer} = 0 returning 1`.execute(tx);
    if (rows.length === 0) return false;
    await noteStep(tx, change, { step: "deposit_accepted", details: seen.details });
    return true;
  });
}

/** Takes the developer role before the money leaves. @returns false while another return is under way */
export function startReturn(db: Db, change: DepositChange, to: string): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await lockUser(tx, change.userId);
    if (isReturning(await depositState(tx, change.userId), change.now)) return false;
    await sql`update users set permissions_bitmask = permissions_bitmask & ~${PERMISSION.developer}::integer,
      updated_at = ${change.now} where user_id = ${change.userId}`.execute(tx);
    await noteStep(tx, change, { step: "deposit_return_started", details: { to } });
    return true;
  });
}

/** Notes how a return ended. */
export function endReturn(
  db: Db,
  change: DepositChange,
  end: { readonly isReturned: boolean; readonly details: Readonly<Record<string, unknown>> },
): Promise<void> {
  const step = end.isReturned ? "deposit_returned" : "deposit_return_refused";
  return db.transaction().execute((tx) => noteStep(tx, change, { step, details: end.details }));
}

async function lockUser(tx: Db, userId: string): Promise<void> {
  await sql`select 1 from users where user_id = ${userId} for update`.execute(tx);
}

async function noteStep(
  tx: Db,
  { userId, actor, clientAddress, now }: DepositChange,
  { step, details }: { readonly step: Step; readonly details: Readonly<Record<string, unknown>> },
): Promise<void> {
  await recordAccountChange(tx, { userId, actor, action: step, details, clientAddress }, now);
  await invalidate(tx, [{ kind: "account", id: userId }], now);
}

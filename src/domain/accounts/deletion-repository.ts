import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { PERMISSION } from "./account.js";
import { recordAccountChange } from "./account-repository.js";

/** What an account still has. */
export interface Belongings {
  readonly permissions: number;
  readonly balanceMicroUsd: bigint;
  readonly chutes: number;
  readonly images: number;
  readonly secrets: number;
}

/** Who deletes which account, and why. */
export interface AccountDeletion {
  readonly userId: string;
  /** User id of who does it. */
  readonly actor: string;
  readonly reason: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** A balance that may be lost with an account, either way. */
const NEGLIGIBLE_MICRO_USD = 25_000_000n;

/**
 * Deletes an account that holds nothing of weight; its keys, jobs, logos and shares go with it, the ledger stays. The row is
 * locked while it is looked at, so nothing can be added meanwhile.
 * @returns what is in the way; undefined when the account is deleted; `gone` when it was not there
 * @see protocol 01 §6.7
 */
export function deleteAccount(db: Db, deletion: AccountDeletion): Promise<Belongings | "gone" | undefined> {
  const { userId, actor, reason, clientAddress, now } = deletion;
  return db.transaction().execute(async (tx) => {
    const belongings = await lockBelongings(tx, userId);
    if (belongings === undefined) return "gone";
    if (isInTheWay(belongings)) return belongings;
    const keys = await tx.deleteFrom("api_keys").where("user_id", "=", userId).returning("api_key_id").execute();
    const deleted = await tx
      .deleteFrom("users")
      .where("user_id", "=", userId)
      .returning(["username", "hotkey", "coldkey"])
      .executeTakeFirstOrThrow();
    const details = { ...deleted, reason, balanceMicroUsd: String(belongings.balanceMicroUsd) };
    await recordAccountChange(tx, { userId, actor, action: "delete", details, clientAddress }, now);
    const gone = keys.map(({ api_key_id: id }) => ({ kind: "api_key", id }) as const);
    await invalidate(tx, [{ kind: "account", id: userId }, ...gone], now);
    return undefined;
  });
}

/** Being free of charge is no power over others. */
function isInTheWay({ permissions, balanceMicroUsd, chutes, images, secrets }: Belongings): boolean {
  const isPrivileged = (permissions & ~PERMISSION.freeAccount) !== 0;
  const owes = balanceMicroUsd > NEGLIGIBLE_MICRO_USD || balanceMicroUsd < -NEGLIGIBLE_MICRO_USD;
  return isPrivileged || owes || chutes + images + secrets > 0;
}

async function lockBelongings(tx: Db, userId: string): Promise<Belongings | undefined> {
  const locked = await tx
    .selectFrom("users")
    .select(["permissions_bitmask", "balance_micro_usd"])
    .where("user_id", "=", userId)
    .forUpdate()
    .executeTakeFirst();
  if (locked === undefined) return undefined;
  const { rows } = await sql<{ chutes: bigint; images: bigint; secrets: bigint }>`
    select (select count(*) from chutes where user_id = ${userId}) as chutes,
      (select count(*) from images where user_id = ${userId}) as images,
      (select count(*) from secrets where user_id = ${userId}) as secrets`.execute(tx);
  const [counts] = rows;
  return {
    permissions: locked.permissions_bitmask,
    balanceMicroUsd: locked.balance_micro_usd,
    chutes: Number(counts?.chutes ?? 0),
    images: Number(counts?.images ?? 0),
    secrets: Number(counts?.secrets ?? 0),
  };
}

import { sql } from "kysely";
import { PERMISSION } from "../../src/domain/accounts/account.js";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "../../src/domain/billing/ledger-repository.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { apiKeyHash, newApiKey } from "../../src/wire/api-key.js";
import { type AccountApi, type Developer, givenDeveloper } from "./account-api.js";
import { test as base } from "./account-test.js";

interface Fixtures {
  admin: Developer;
}

/** `test` with an api and an administrator of billing on it. */
export const moneyTest = base.extend<Fixtures>({
  admin: ({ api }, use) => givenDeveloper(api, { username: "boss", permissions: PERMISSION.billingAdmin }).then(use),
});

/** An account whose balance came through the ledger. */
export async function givenPayer(api: AccountApi, username: string, balanceUsd: number): Promise<Developer> {
  const user = await givenDeveloper(api, { username });
  await deposit(api.db, user.userId, balanceUsd);
  api.directory.drop({ kind: "account", id: user.userId });
  return user;
}

async function deposit(db: Db, userId: string, usd: number): Promise<void> {
  await postTransfer(db, {
    from: PLATFORM_ACCOUNT.adjustments,
    to: userAccount(userId),
    amountMicroUsd: BigInt(Math.round(usd * 1e6)),
    reason: "test deposit",
    idempotencyKey: `deposit:${userId}`,
    now: new Date(),
  });
}

/** An API key of that user; admin unless said otherwise. */
export async function givenKey(api: AccountApi, userId: string, admin = true): Promise<string> {
  const apiKeyId = crypto.randomUUID();
  const key = newApiKey({ apiKeyId, userId });
  await api.db
    .insertInto("api_keys")
    .values({
      api_key_id: apiKeyId,
      user_id: userId,
      key_hash: apiKeyHash(key),
      admin,
      name: apiKeyId.slice(0, 8),
      created_at: new Date(),
    })
    .execute();
  return key;
}

/** Stored balances in USD by username. */
export async function balances(db: Db): Promise<Record<string, number>> {
  const rows = await db.selectFrom("users").select(["username", "balance_micro_usd"]).execute();
  return Object.fromEntries(rows.map((row) => [row.username, Number(row.balance_micro_usd) / 1e6]));
}

/** Sum over all accounts of the books, and users whose balance is not the sum of their entries. */
export async function auditBooks(db: Db): Promise<{ sum: bigint; wrong: string[] }> {
  const { rows: sums } = await sql<{ sum: bigint }>`
    select coalesce(sum(amount_micro_usd), 0)::bigint as sum from ledger_entries`.execute(db);
  const { rows } = await sql<{ user_id: string }>`
    select u.user_id from users u left join ledger_entries e on e.account = 'user:' || u.user_id
    group by u.user_id, u.balance_micro_usd having u.balance_micro_usd <> coalesce(sum(e.amount_micro_usd), 0)`.execute(
    db,
  );
  return { sum: sums[0]?.sum ?? -1n, wrong: rows.map((row) => row.user_id) };
}

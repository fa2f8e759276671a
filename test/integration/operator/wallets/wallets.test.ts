import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { createUser } from "../../../../src/operator/users/create-user.js";
import { newWalletKeys } from "../../../../src/operator/wallets/new-keys.js";
import { withWallets } from "../../../../src/operator/wallets/open-wallets.js";
import { rotateWallets } from "../../../../src/operator/wallets/rotate-wallets.js";
import { verifyWallets } from "../../../../src/operator/wallets/verify-wallets.js";
import { encryptWalletText, type WalletKeys } from "../../../../src/wire/wallet-cipher.js";
import { operatorTest } from "../../../support/operator-test.js";

const SIGNAL = new AbortController().signal;
const USERS = 5;

/** Users with wallets, one of them with a deposit wallet too, and a secret. */
const test = operatorTest.extend<{ users: readonly string[] }>({
  users: async ({ at, db, keys, ctx }, use) => {
    const wanted = { hotkey: null, coldkey: null, permissions: 0, keyName: undefined, dryRun: false };
    const ids: string[] = [];
    for (let index = 0; index < USERS; index += 1) {
      const made = await at((desk) => createUser(desk, { ...wanted, username: `user_${index}` }));
      ids.push(made.user_id ?? "");
    }
    const [first = "", second = ""] = ids;
    await sql`update users u set developer_payment_address = o.payment_address, developer_wallet_secret = o.wallet_secret
      from users o where u.user_id = ${first} and o.user_id = ${second}`.execute(db);
    await givenSecret(db, first, await encryptWalletText("hunter2", keys));
    expect(ctx.config.accounts.walletKey).toBe(keys.walletKeyHex);
    await use(ids);
  },
});

async function givenSecret(db: Db, userId: string, value: string): Promise<void> {
  // The table's other ends do not matter here.
  await sql`alter table secrets drop constraint secrets_purpose_fkey`.execute(db);
  await sql`insert into secrets values ('s1', ${userId}, 'c1', 'TOKEN', ${value}, now())`.execute(db);
}

const newKeys = (): WalletKeys => ({ walletKeyHex: randomBytes(32).toString("hex"), pgKey: "a new passphrase" });

test("every wallet and secret is checked, and what does not fit is named without what it holds", async ({
  users,
  db,
  ctx,
  keys,
}) => {
  const check = () => withWallets(ctx, (open, own) => verifyWallets(open, own, SIGNAL));
  expect(await check()).toEqual({ checked: USERS + 2, problems: [] });
  const [, second = ""] = users;
  await sql`update users set payment_address = 'elsewhere' where user_id = ${second}`.execute(db);
  await sql`update secrets set value = ${await encryptWalletText("x", { ...keys, pgKey: "other" })}`.execute(db);
  const { problems } = await check();
  expect(problems).toEqual([
    { column: "payment wallet", id: second, problem: expect.stringContaining("instead of elsewhere") },
    { column: "secret", id: "s1", problem: expect.stringContaining("database encryption key") },
  ]);
});

test("all rows get the new keys; a second run finds nothing to do", async ({ users, db, keys }) => {
  const to = newKeys();
  const rotation = { from: keys, to, dryRun: false, signal: SIGNAL };
  expect(await rotateWallets(db, { ...rotation, dryRun: true })).toEqual({ rotated: USERS + 2, done: 0, problems: [] });
  expect((await verifyWallets(db, keys, SIGNAL)).problems).toEqual([]);
  expect(await rotateWallets(db, rotation)).toEqual({ rotated: USERS + 2, done: 0, problems: [] });
  expect(await rotateWallets(db, rotation)).toEqual({ rotated: 0, done: USERS + 2, problems: [] });
  expect(await verifyWallets(db, to, SIGNAL)).toEqual({ checked: USERS + 2, problems: [] });
  expect((await verifyWallets(db, keys, SIGNAL)).problems).toHaveLength(USERS + 2);
  expect(users).toHaveLength(USERS);
});

test("a run that was cut off is taken up again", async ({ users, db, keys }) => {
  const to = newKeys();
  const stop = new AbortController();
  const third = users[3] ?? "";
  await sql`create function cut() returns trigger language plpgsql as $$ begin raise 'cut off'; end $$`.execute(db);
  await sql
    .raw(
      `create trigger cut before update on users for each row when (new.user_id = '${third}') execute function cut()`,
    )
    .execute(db);
  const rotation = { from: keys, to, dryRun: false, signal: stop.signal };
  const cut = await rotateWallets(db, rotation);
  expect(cut.problems).toEqual([{ column: "payment wallet", id: third, problem: expect.stringContaining("cut off") }]);
  await sql`drop trigger cut on users`.execute(db);
  expect(await rotateWallets(db, rotation)).toEqual({ rotated: 1, done: USERS + 1, problems: [] });
  stop.abort();
  await expect(rotateWallets(db, rotation)).rejects.toThrow();
});

test("a row that fits neither keys is left as it is, and named", async ({ users, db, keys }) => {
  const [first = ""] = users;
  await sql`update users set wallet_secret = 'c30d' where user_id = ${first}`.execute(db);
  const report = await rotateWallets(db, { from: keys, to: newKeys(), dryRun: false, signal: SIGNAL });
  expect(report.problems).toMatchObject([{ column: "payment wallet", id: first }]);
  expect(await db.selectFrom("users").select("wallet_secret").where("user_id", "=", first).execute()).toEqual([
    { wallet_secret: "c30d" },
  ]);
});

test("new keys come from the environment or from files; one of them may stay", async ({ keys }) => {
  const file = join(mkdtempSync(join(tmpdir(), "keys-")), "key");
  const fresh = randomBytes(32).toString("hex");
  writeFileSync(file, `${fresh}\n`);
  const none = { name: "NEW_PG_ENCRYPTION_KEY", value: undefined, file: undefined };
  const from = (source: { value?: string; file?: string }) =>
    newWalletKeys(keys, {
      walletKey: { name: "NEW_WALLET_KEY", value: source.value, file: source.file },
      pgKey: none,
    });
  expect(await from({ file })).toEqual({ walletKeyHex: fresh, pgKey: keys.pgKey });
  expect(await from({ value: fresh })).toEqual({ walletKeyHex: fresh, pgKey: keys.pgKey });
  await expect(from({ value: "abc" })).rejects.toThrow(/NEW_WALLET_KEY/);
  await expect(from({})).rejects.toMatchObject({ code: "CFG003" });
  await expect(from({ value: keys.walletKeyHex.toUpperCase() })).rejects.toMatchObject({ code: "CFG003" });
  await expect(from({ file: `${file}.missing` })).rejects.toMatchObject({ code: "CFG002" });
});

import { sql } from "kysely";
import { expect } from "vitest";
import { createUser } from "../../src/operator/users/create-user.js";
import { withWallets } from "../../src/operator/wallets/open-wallets.js";
import { verifyWallets } from "../../src/operator/wallets/verify-wallets.js";
import { aesCbcDecrypt } from "../../src/wire/legacy-cipher.js";
import { keypairFromMnemonic } from "../../src/wire/mnemonic.js";
import { decryptWalletText } from "../../src/wire/wallet-cipher.js";
import { call, newSigner } from "../support/account-api.js";
import { balances, givenKey, givenPayer, moneyTest } from "../support/money-test.js";
import { operatorTest } from "../support/operator-test.js";

/** A stored value of the protocol, and the keys it was made with. @see protocol 01 §22.3 */
const VECTOR = {
  keys: { walletKeyHex: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", pgKey: "secret" },
  stored:
    "c30d040703021da395eec0b709ad7dd27501a080acebf5666f4db9d01c7bf90213a1294ac6bc7b4c28c9ab6143335052cd14ff5fe016d75cc193aab2430d934d73c4795222fe72a2d896cad0ed6640f0866c4ec46289d28ea69676d7818fe25a69c71dea0f25a295c1b6d2211ab80fd78e809314df2b2bd90f55bda4e09adf1922a5e3329043",
  text: "testing",
};

const user = (username: string) => ({
  username,
  hotkey: null,
  coldkey: null,
  permissions: 0,
  keyName: undefined,
  dryRun: false,
});

operatorTest(
  "01 §23.19: the published value opens, and pgcrypto with AES opens ours",
  async ({ at, db, ctx, keys }) => {
    expect(await decryptWalletText(VECTOR.stored, VECTOR.keys)).toBe(VECTOR.text);
    await at((desk) => createUser(desk, user("alice")));
    const { wallet_secret: stored, payment_address: address } = await db
      .selectFrom("users")
      .select(["wallet_secret", "payment_address"])
      .executeTakeFirstOrThrow();
    await sql`create extension if not exists pgcrypto`.execute(db);
    const { rows } = await sql<{ inner: string }>`
    select pgp_sym_decrypt(decode(${stored}, 'hex'), ${keys.pgKey}) as inner`.execute(db);
    const [iv = "", data = ""] = rows[0]?.inner.split("::::") ?? [];
    const key = Buffer.from(keys.walletKeyHex, "hex");
    const plain = aesCbcDecrypt({ key, iv: Buffer.from(iv, "hex"), data: Buffer.from(data, "hex") });
    expect(keypairFromMnemonic(plain?.toString("utf8") ?? "").address).toBe(address);
    // What pgcrypto wrote is read by the product's own check.
    await sql`update users set wallet_secret = encode(pgp_sym_encrypt(${rows[0]?.inner}, ${keys.pgKey}), 'hex')`.execute(
      db,
    );
    const signal = new AbortController().signal;
    const check = await withWallets(ctx, (open, own) => verifyWallets(open, own, signal));
    expect(check).toEqual({ checked: 1, problems: [] });
  },
);

operatorTest("01 §23.20: every new account's mnemonic re-derives its payment address", async ({ at, ctx, db }) => {
  for (const name of ["alice", "bob", "carol"]) await at((desk) => createUser(desk, user(name)));
  const signal = new AbortController().signal;
  const check = () => withWallets(ctx, (open, own) => verifyWallets(open, own, signal));
  expect(await check()).toEqual({ checked: 3, problems: [] });
  await sql`update users set wallet_secret = (select wallet_secret from users where username = 'bob')
    where username = 'alice'`.execute(db);
  expect((await check()).problems).toHaveLength(1);
});

moneyTest("01 §23.22: 4 of 10 are transferred, with two rows in the books", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  const bob = await givenPayer(api, "bob", 0);
  const body = { user_id: bob.userId, amount: 4 };
  const answer = await call(api, { url: "/users/balance_transfer", body, signer: alice.signer });
  expect(answer.json()).toEqual({
    transferred: 4,
    from_user: alice.userId,
    to_user: bob.userId,
    from_balance: 6,
    to_balance: 4,
    debit_event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    credit_event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  const rows = await api.db
    .selectFrom("admin_balance_changes")
    .select(["event_id", "user_id", "amount_micro_usd"])
    .orderBy("amount_micro_usd")
    .execute();
  const { debit_event_id: debit, credit_event_id: credit } = answer.json<Record<string, string>>();
  expect(rows).toEqual([
    { event_id: debit, user_id: alice.userId, amount_micro_usd: -4_000_000n },
    { event_id: credit, user_id: bob.userId, amount_micro_usd: 4_000_000n },
  ]);
});

moneyTest("01 §23.22: of 20 transfers of 1 at once from a balance of 10 exactly 10 succeed", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  await givenPayer(api, "bob", 0);
  const apiKey = await givenKey(api, alice.userId);
  const body = { user_id: "bob", amount: 1 };
  const sent = Array.from({ length: 20 }, () => call(api, { url: "/users/balance_transfer", body, apiKey }));
  const statuses = (await Promise.all(sent)).map((answer) => answer.statusCode).sort();
  expect(statuses).toEqual([...Array(10).fill(200), ...Array(10).fill(400)]);
  expect(await balances(api.db)).toMatchObject({ alice: 0, bob: 10 });
});

moneyTest("01 §23.22: to oneself is a bad request, by a scoped key forbidden", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  await givenPayer(api, "bob", 0);
  const send = (what: object) => call(api, { url: "/users/balance_transfer", ...what });
  expect((await send({ body: { user_id: "alice", amount: 1 }, signer: alice.signer })).statusCode).toBe(400);
  const scoped = await givenKey(api, alice.userId, false);
  expect((await send({ body: { user_id: "bob", amount: 1 }, apiKey: scoped })).statusCode).toBe(403);
  expect((await send({ body: { user_id: "bob", amount: 1 }, signer: newSigner() })).statusCode).toBe(401);
  expect(await balances(api.db)).toMatchObject({ alice: 10, bob: 0 });
});

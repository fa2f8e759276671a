import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { call, deploy, givenDeveloper, givenImage, givenInstance, newSigner } from "../../../support/account-api.js";
import { auditBooks, balances, givenKey, givenPayer, moneyTest as test } from "../../../support/money-test.js";

const TRANSFER = "/users/balance_transfer";
const ADJUST = "/users/admin_balance_change";

test("without an amount everything is transferred, and both sides see it at once", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 2.5);
  const bob = await givenPayer(api, "bob", 1);
  const answer = await call(api, { url: TRANSFER, body: { user_id: "BOB" }, signer: alice.signer });
  expect(answer.json()).toMatchObject({
    transferred: 2.5,
    from_user: alice.userId,
    to_user: bob.userId,
    from_balance: 0,
    to_balance: 3.5,
  });
  for (const [user, balance] of [
    [alice, 0],
    [bob, 3.5],
  ] as const) {
    const me = await call(api, { url: "/users/me", signer: user.signer, purpose: "me" });
    expect(me.json()).toMatchObject({ balance });
  }
  const events = await api.db.selectFrom("outbox").select("payload").execute();
  expect(events.map(({ payload }) => payload)).toContainEqual({ kind: "account", id: bob.userId });
});

test("an admin key and the bare fingerprint transfer too; a strange one does not", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob" });
  const registered = await call(api, {
    url: "/users/register?token=replaceme",
    body: { username: "alice", coldkey: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty" },
    signer: newSigner(),
  });
  const { user_id: alice, fingerprint } = registered.json<{ user_id: string; fingerprint: string }>();
  const admin = await givenDeveloper(api, { username: "boss", permissions: PERMISSION.billingAdmin });
  await call(api, { url: ADJUST, body: { user_id: alice, amount: 3, reason: "gift" }, signer: admin.signer });
  const body = { user_id: bob.userId, amount: 1 };
  const byKey = await call(api, { url: TRANSFER, body, apiKey: await givenKey(api, alice) });
  expect(byKey.statusCode).toBe(200);
  for (const authorization of [fingerprint, `Basic ${fingerprint}`]) {
    expect((await call(api, { url: TRANSFER, body, headers: { authorization } })).statusCode).toBe(200);
  }
  const wrong = await call(api, { url: TRANSFER, body, headers: { authorization: "0123456789abcdefwrong" } });
  expect(wrong.statusCode).toBe(401);
  expect(await balances(api.db)).toMatchObject({ alice: 0, bob: 3 });
});

test("01 §20: amounts that are none are bad requests, and nothing moves", async ({ api, admin }) => {
  const alice = await givenPayer(api, "alice", 10);
  await givenPayer(api, "bob", 0);
  const texts = ["true", '"5"', "1e308", "1e400", "0", "-1", "1e-10", "1152921504606846977", "[1]", "{}"];
  for (const amount of texts) {
    const sent = `{"user_id":"bob","reason":"r","amount":${amount}}`;
    const headers = { "content-type": "application/json" };
    const transfer = await call(api, { url: TRANSFER, body: sent, signer: alice.signer, headers });
    expect([amount, transfer.statusCode]).toEqual([amount, 400]);
    if (amount === "-1") continue;
    const change = await call(api, { url: ADJUST, body: sent, signer: admin.signer, headers });
    expect([amount, change.statusCode]).toEqual([amount, 400]);
  }
  expect(await balances(api.db)).toMatchObject({ alice: 10, bob: 0 });
});

test("who has too little, names nobody or is nobody transfers nothing", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 1);
  const empty = await givenPayer(api, "empty", 0);
  const send = (body: object, signer = alice.signer) => call(api, { url: TRANSFER, body, signer });
  expect((await send({ user_id: "empty", amount: 1.000001 })).json()).toEqual({
    detail: "Insufficient balance: 1 USD can be transferred.",
  });
  expect((await send({ user_id: "alice" }, empty.signer)).statusCode).toBe(400);
  expect((await send({ user_id: "nobody", amount: 1 })).statusCode).toBe(404);
  expect((await send({ amount: 1 })).statusCode).toBe(422);
  expect((await call(api, { url: TRANSFER, body: { user_id: "empty" } })).statusCode).toBe(401);
});

test("01 §6.6: what running private instances have cost cannot be given away", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  await givenPayer(api, "bob", 0);
  await givenImage(api, alice);
  const { chute_id: chuteId } = (await deploy(api, alice)).json<{ chute_id: string }>();
  await givenInstance(api, chuteId, { instanceId: "i1", active: true });
  const { now } = api.clock;
  const running = {
    billed_to: alice.userId,
    hourly_rate: 2,
    activated_at: new Date(now.getTime() - 3_600_000),
    stop_billing_at: new Date(now.getTime() + 60_000),
  };
  await api.db.updateTable("instances").set(running).where("instance_id", "=", "i1").execute();
  const { alice: stored = 0 } = await balances(api.db);
  const send = (amount?: number) =>
    call(api, { url: TRANSFER, body: { user_id: "bob", amount }, signer: alice.signer });
  expect((await send()).statusCode).toBe(400);
  expect((await send(stored - 1.9)).statusCode).toBe(400);
  expect((await send(Number((stored - 2).toFixed(6)))).statusCode).toBe(200);
});

test("a request that is sent again with its key moves the money once", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  await givenPayer(api, "bob", 0);
  await givenPayer(api, "carol", 0);
  const key = await givenKey(api, alice.userId);
  const send = (body: object) => call(api, { url: TRANSFER, body, apiKey: key, headers: { "idempotency-key": "k1" } });
  const first = await send({ user_id: "bob", amount: 4 });
  const again = await send({ user_id: "bob", amount: 4 });
  expect(again.json()).toEqual(first.json());
  expect((await send({ user_id: "bob", amount: 5 })).statusCode).toBe(409);
  expect((await send({ user_id: "carol", amount: 4 })).statusCode).toBe(409);
  expect(await balances(api.db)).toMatchObject({ alice: 6, bob: 4, carol: 0 });
});

test("transfers that cross each other all end", async ({ api }) => {
  const users = await Promise.all(["alice", "bob", "carol"].map((name) => givenPayer(api, name, 5)));
  const keys = await Promise.all(users.map((user) => givenKey(api, user.userId)));
  const sent = Array.from({ length: 60 }, (_, index) => {
    const [from, to] = [index % 3, (index + 1 + (index % 2)) % 3];
    return call(api, { url: TRANSFER, body: { user_id: users[to]?.userId, amount: 0.1 }, apiKey: keys[from] ?? "" });
  });
  const statuses = (await Promise.all(sent)).map((answer) => answer.statusCode);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test("01 §8: administrators change balances, with a reason, in the books", async ({ api, admin }) => {
  const alice = await givenPayer(api, "alice", 1);
  const change = { user_id: alice.userId, amount: -2.5, reason: "chargeback" };
  const answer = await call(api, { url: ADJUST, body: change, signer: admin.signer });
  expect(answer.json()).toEqual({ new_balance: -1.5, event_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const rows = await api.db.selectFrom("admin_balance_changes").selectAll().execute();
  expect(rows).toMatchObject([
    { user_id: alice.userId, amount_micro_usd: -2_500_000n, reason: "chargeback", created_by: admin.userId },
  ]);
  const audit = await api.db.selectFrom("account_audit").selectAll().where("action", "=", "change_balance").execute();
  expect(audit).toMatchObject([{ user_id: alice.userId, actor: admin.userId, client_address: "127.0.0.1" }]);
  expect(await auditBooks(api.db)).toEqual({ sum: 0n, wrong: [] });
  expect((await call(api, { url: ADJUST, body: { ...change, reason: " " }, signer: admin.signer })).statusCode).toBe(
    400,
  );
  const nobody = { ...change, user_id: "nobody" };
  expect((await call(api, { url: ADJUST, body: nobody, signer: admin.signer })).statusCode).toBe(404);
});

test("01 §8: what administrators may do others may not", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 1);
  const body = { user_id: "alice", amount: 1, reason: "mine" };
  expect((await call(api, { url: ADJUST, body, signer: alice.signer })).statusCode).toBe(403);
  for (const url of ["/users/alice/balance", "/users/user_id_lookup?username=alice", "/users/invoiced_user_list"]) {
    expect((await call(api, { url, signer: alice.signer, purpose: "me" })).statusCode).toBe(403);
    expect((await call(api, { url })).statusCode).toBe(401);
  }
});

test("01 §8: balances and ids are looked up by name", async ({ api, admin }) => {
  const alice = await givenPayer(api, "alice", 1.25);
  const get = (url: string) => call(api, { url, signer: admin.signer, purpose: "me" });
  expect((await get("/users/alice/balance")).json()).toEqual({ user_id: alice.userId, balance: 1.25 });
  expect((await get(`/users/${alice.userId}/balance`)).json()).toEqual({ user_id: alice.userId, balance: 1.25 });
  expect((await get("/users/user_id_lookup?username=alice")).json()).toEqual({ user_id: alice.userId });
  expect((await get("/users/user_id_lookup?username=alic_")).statusCode).toBe(404);
  expect((await get("/users/nobody/balance")).statusCode).toBe(404);
});

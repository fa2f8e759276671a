import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { call, givenDeveloper } from "../../../support/account-api.js";
import { givenKey, givenPayer, moneyTest as test } from "../../../support/money-test.js";

test("01 §8: invoiced accounts are listed, free ones are not among them", async ({ api, admin }) => {
  const alice = await givenPayer(api, "alice", 1);
  const { freeAccount, invoiceBilling, unlimited } = PERMISSION;
  await givenDeveloper(api, { username: "gratis", permissions: freeAccount | invoiceBilling });
  const enabled = await call(api, {
    url: "/users/alice/enable_invoicing",
    body: { unlimited: true },
    signer: admin.signer,
  });
  expect(enabled.json()).toMatchObject({ user_id: alice.userId, permissions_bitmask: invoiceBilling | unlimited });
  const listed = await call(api, { url: "/users/invoiced_user_list", signer: admin.signer, purpose: "me" });
  expect(listed.json()).toMatchObject([{ username: "alice", balance: 1 }]);
  const key = await givenKey(api, admin.userId);
  const plain = await call(api, { method: "POST", url: "/users/gratis/enable_invoicing", apiKey: key });
  expect(plain.statusCode).toBe(200);
  const nobody = await call(api, { method: "POST", url: "/users/nobody/enable_invoicing", apiKey: key });
  expect(nobody.statusCode).toBe(404);
});

test("01 §8: many users are looked up at once, in the order asked for", async ({ api, admin }) => {
  const alice = await givenPayer(api, "alice", 1);
  const bob = await givenPayer(api, "bob", 2);
  const body = { user_ids: [bob.userId, "nobody", alice.userId, bob.userId] };
  const found = await call(api, { url: "/users/batch_user_lookup", body, signer: admin.signer });
  const quotas = [{ chute_id: "*", quota: 0, used: 0 }];
  expect(found.json()).toMatchObject([
    { username: "bob", balance: 2, quotas },
    { username: "alice", balance: 1, quotas },
  ]);
  const many = { user_ids: Array.from({ length: 1001 }, String) };
  const refused = await call(api, { url: "/users/batch_user_lookup", body: many, signer: admin.signer });
  expect(refused.statusCode).toBe(422);
  const none = await call(api, { url: "/users/batch_user_lookup", body: { user_ids: [] }, signer: admin.signer });
  expect(none.json()).toEqual([]);
});

test("01 §8: growth is public, by day, newest first, and counted anew after ten minutes", async ({ api }) => {
  await givenDeveloper(api, { username: "alice" });
  api.clock.now = new Date(api.clock.now.getTime() + 86_400_000);
  await givenDeveloper(api, { username: "bob" });
  const today = [
    { date: "2025-10-10", daily_count: 1, cumulative_count: 2 },
    { date: "2025-10-09", daily_count: 1, cumulative_count: 1 },
  ];
  expect((await call(api, { url: "/users/growth" })).json()).toEqual(today);
  await givenDeveloper(api, { username: "carol" });
  expect((await call(api, { url: "/users/growth" })).json()).toEqual(today);
  api.clock.now = new Date(api.clock.now.getTime() + 601_000);
  expect((await call(api, { url: "/users/growth" })).json()).toMatchObject([{ daily_count: 2 }, { daily_count: 1 }]);
});

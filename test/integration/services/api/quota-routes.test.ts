import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { redisKeys } from "../../../../src/infra/redis/keys.js";
import { call, deploy, givenDeveloper, givenImage } from "../../../support/account-api.js";
import { givenPayer, moneyTest as test } from "../../../support/money-test.js";

const CHUTE = "f97cf5ef-3f14-5f63-9046-bbd1e8170cda";

test("01 §6.5: one's quotas are rows, the operator's defaults, or nothing for who is never charged", async ({
  api,
  admin,
}) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const mine = async () => (await call(api, { url: "/users/me/quotas", signer: alice.signer, purpose: "me" })).json();
  const row = { user_id: alice.userId, chute_id: "*", is_default: true, payment_refresh_date: null, quota: 0 };
  expect(await mine()).toEqual([{ ...row, updated_at: "2025-10-09T08:53:20.000000Z" }]);
  const none = await call(api, { url: "/users/alice/quotas", body: {}, signer: admin.signer });
  expect(none.json()).toEqual({});
  expect(await mine()).toEqual({ "*": 200 });
  await call(api, { url: "/users/alice/enable_invoicing", body: {}, signer: admin.signer });
  expect(await mine()).toEqual({});
});

test("01 §8: quotas are replaced whole, and the answer has the form of the request", async ({ api, admin }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const set = (body: object) => call(api, { url: "/users/alice/quotas", body, signer: admin.signer });
  expect((await set({ "*": 5, [CHUTE]: 0 })).json()).toEqual({ "*": 5, [CHUTE]: 0 });
  const dated = await set({ "*": { quota: 7, effective_date: "2025-10-01T00:00:00+02:00" } });
  const updated = "2025-10-09T08:53:20.000000Z";
  expect(dated.json()).toEqual({
    "*": { quota: 7, effective_date: "2025-09-30T22:00:00.000000Z", updated_at: updated },
  });
  const rows = await call(api, { url: "/users/alice/quotas", signer: admin.signer, purpose: "me" });
  expect(rows.json()).toMatchObject([
    { chute_id: "*", quota: 7, is_default: false, payment_refresh_date: "2025-09-30T22:00:00.000000Z" },
  ]);
  const audit = await api.db
    .selectFrom("account_audit")
    .select(["actor", "details"])
    .where("user_id", "=", alice.userId)
    .where("action", "=", "set_quotas")
    .orderBy("audit_id")
    .execute();
  expect(audit).toEqual([
    { actor: admin.userId, details: { "*": 5, [CHUTE]: 0 } },
    { actor: admin.userId, details: { "*": 7 } },
  ]);
});

test("01 §20: what is no quota is a bad request, and changes nothing", async ({ api, admin }) => {
  await givenDeveloper(api, { username: "alice" });
  const bad = [
    "true",
    "1.5",
    '"5"',
    "-1",
    "1e308",
    "null",
    "[]",
    "2147483648",
    '{"quota":true}',
    '{"effective_date":null}',
  ];
  const bodies = [...bad.map((value) => `{"*":${value}}`), '{"my-chute":1}', '{"":1}', '{"%":1}'];
  for (const body of bodies) {
    const headers = { "content-type": "application/json" };
    const answer = await call(api, { url: "/users/alice/quotas", body, signer: admin.signer, headers });
    expect([body, answer.statusCode]).toEqual([body, 400]);
  }
  const rows = await api.db.selectFrom("invocation_quotas").select(["chute_id", "quota", "is_default"]).execute();
  expect(rows).toContainEqual({ chute_id: "*", quota: 0, is_default: true });
  expect(rows).toHaveLength(2);
  const many = Object.fromEntries(Array.from({ length: 1001 }, () => [crypto.randomUUID(), 1]));
  expect((await call(api, { url: "/users/alice/quotas", body: many, signer: admin.signer })).statusCode).toBe(400);
  const nobody = await call(api, { url: "/users/nobody/quotas", body: { "*": 1 }, signer: admin.signer });
  expect(nobody.statusCode).toBe(404);
});

test("01 §8: a quota begins at a date of the last 31 days, and not in the future", async ({ api, admin }) => {
  await givenDeveloper(api, { username: "alice" });
  const put = (effective_date: unknown, chute = "*") =>
    call(api, {
      method: "PUT",
      url: `/users/alice/quotas/${encodeURIComponent(chute)}/effective_date`,
      body: { effective_date },
      signer: admin.signer,
    });
  expect((await put("2025-10-08T08:00:00Z")).json()).toMatchObject({
    chute_id: "*",
    quota: 0,
    effective_date: "2025-10-08T08:00:00.000000Z",
  });
  expect((await put("2030-01-01T00:00:00Z")).json()).toMatchObject({ effective_date: "2025-10-09T08:53:20.000000Z" });
  expect((await put(null)).json()).toMatchObject({ effective_date: null });
  for (const bad of ["2025-09-01T00:00:00Z", "2025-10-08T08:00:00", "yesterday", 5, "2025-13-08T08:00:00Z"]) {
    expect([bad, (await put(bad)).statusCode]).toEqual([bad, 400]);
  }
  expect((await put(null, CHUTE)).statusCode).toBe(404);
});

test("01 §6.5: usage is counted by UTC day, under the chute's name when a rule is its own", async ({ api, admin }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  await call(api, { url: "/users/alice/quotas", body: { "*": 9, [CHUTE]: 3 }, signer: admin.signer });
  const { now } = api.clock;
  await api.redis.set(redisKeys.quotaUsed(now, alice.userId, CHUTE), "1.5");
  await api.redis.set(redisKeys.quotaUsed(now, alice.userId, "__default__"), "4");
  const usage = async (chute: string) =>
    (await call(api, { url: `/users/me/quota_usage/${chute}`, signer: alice.signer, purpose: "me" })).json();
  expect(await usage(CHUTE)).toEqual({ quota: 3, used: 1.5 });
  expect(await usage(crypto.randomUUID())).toEqual({ quota: 9, used: 4 });
  const looked = await call(api, {
    url: "/users/batch_user_lookup",
    body: { user_ids: [alice.userId] },
    signer: admin.signer,
  });
  expect(looked.json()).toMatchObject([
    {
      quotas: [
        { chute_id: "*", quota: 9, used: 4 },
        { chute_id: CHUTE, quota: 3, used: 1.5 },
      ],
    },
  ]);
  api.clock.now = new Date("2025-10-10T00:00:00Z");
  expect(await usage(CHUTE)).toEqual({ quota: 3, used: 0 });
});

test("01 §9.2: private chutes have no free calls, and who is never charged has no limit", async ({ api }) => {
  const alice = await givenPayer(api, "alice", 10);
  const bob = await givenDeveloper(api, { username: "bob" });
  const free = await givenDeveloper(api, { username: "gratis", permissions: PERMISSION.freeAccount });
  await api.db.updateTable("invocation_quotas").set({ quota: 5 }).execute();
  await givenImage(api, alice);
  const deployed = await deploy(api, alice);
  expect(deployed.statusCode).toBe(200);
  const { chute_id: chuteId } = deployed.json<{ chute_id: string }>();
  const usage = async ({ signer }: { signer: typeof alice.signer }) =>
    (await call(api, { url: `/users/me/quota_usage/${chuteId}`, signer, purpose: "me" })).json();
  expect(await usage(alice)).toEqual({ quota: 0, used: 0 });
  expect(await usage(bob)).toEqual({ quota: 5, used: 0 });
  expect(await usage(free)).toEqual({ quota: "unlimited", used: 0 });
});

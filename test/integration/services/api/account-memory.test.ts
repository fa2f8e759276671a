import { expect } from "vitest";
import { openDirectory } from "../../../../src/services/api/directory/directory.js";
import { type AccountApi, call, givenDeveloper, givenInstance } from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";
import { givenChute } from "../../../support/gateway-api.js";
import { PluginCounter } from "../../../support/query-counter.js";

const me = (api: AccountApi, apiKey: string) => call(api, { url: "/users/me", apiKey });

async function givenKey(api: AccountApi, signer: Parameters<typeof call>[1]["signer"]): Promise<string> {
  const created = await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, ...(signer && { signer }) });
  return created.json().secret_key;
}

test("a warm GET /users/me costs neither a statement nor a Redis command", async ({ start, api }) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 3 });
  const apiKey = await givenKey(api, alice.signer);
  const counter = new PluginCounter();
  const counted = await start({ db: api.db.withPlugin(counter) });
  const first = await me(counted, apiKey);
  expect(first.json()).toMatchObject({ user_id: alice.userId, balance: 3 });
  expect(counter.queries.length).toBeGreaterThan(2);
  counter.queries.length = 0;
  const refuse = () => Promise.reject(new Error("connection lost"));
  const commands = ["get", "set", "del", "incr", "hget", "hincrby", "exists", "multi", "pipeline", "publish"];
  Object.assign(counted.redis, Object.fromEntries(commands.map((name) => [name, refuse])));
  for (let times = 0; times < 5; times += 1) expect((await me(counted, apiKey)).json()).toEqual(first.json());
  expect(counter.queries).toEqual([]);
});

test("the balance of memory falls by the second while a private instance runs, and heeds its end", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 10 });
  const apiKey = await givenKey(api, alice.signer);
  const { chuteId } = await givenChute(api.db, { owner: { ...alice, apiKey }, public: false });
  const balance = async () => (await me(api, apiKey)).json().balance;
  expect(await balance()).toBe(10);
  await givenInstance(api, chuteId, { instanceId: "i1", active: true });
  const started = api.clock.now;
  const at = (seconds: number) => new Date(started.getTime() + seconds * 1000);
  const bill = (until: Date) =>
    api.db
      .updateTable("instances")
      .set({ billed_to: alice.userId, hourly_rate: 3.6, stop_billing_at: until })
      .execute();
  await bill(at(10));
  api.directory.drop({ kind: "balance", id: alice.userId });
  for (const [seconds, expected] of [
    [0, 10],
    [1, 9.999],
    [9, 9.991],
  ] as const) {
    api.clock.now = at(seconds);
    expect(await balance()).toBe(expected);
  }
  // Prolonged without a word, as every call to the instance does.
  await bill(at(100));
  api.clock.now = at(12);
  expect(await balance()).toBe(9.988);
  await api.db.deleteFrom("instances").execute();
  api.directory.drop({ kind: "instances", id: chuteId });
  await expect.poll(balance).toBe(10);
});

test("an instance that starts is charged as soon as it is announced, one of a deleted chute no more", async ({
  api,
}) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 100 });
  const apiKey = await givenKey(api, alice.signer);
  const { chuteId } = await givenChute(api.db, { owner: { ...alice, apiKey }, public: false });
  const balance = async () => (await me(api, apiKey)).json().balance;
  const before = await balance();
  await givenInstance(api, chuteId, { instanceId: "i1", active: true });
  const until = new Date(api.clock.now.getTime() + 3_600_000);
  await api.db
    .updateTable("instances")
    .set({ billed_to: alice.userId, hourly_rate: 3600, stop_billing_at: until })
    .execute();
  api.directory.drop({ kind: "instances", id: chuteId });
  api.clock.now = new Date(api.clock.now.getTime() + 2000);
  await expect.poll(balance).toBe(before - 2);
  await api.db.deleteFrom("instances").execute();
  await api.db.deleteFrom("chutes").execute();
  api.directory.drop({ kind: "chute", id: chuteId });
  api.directory.drop({ kind: "instances", id: chuteId });
  await expect.poll(balance).toBe(before);
});

test("a change of money drops the money alone: the gateway keeps its account", async ({ api, log }) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 1 });
  const { db, redis, clock, config } = api;
  const { signal } = new AbortController();
  const replica = await openDirectory({ db, redis, log, signal, now: () => clock.now, netuid: config.netuid });
  const account = await replica.accountById(alice.userId);
  if (account === undefined) throw new Error("no account");
  expect(await replica.effectiveBalance(account)).toBe(1_000_000n);
  await db.updateTable("users").set({ balance_micro_usd: 2_000_000n }).execute();
  api.directory.drop({ kind: "balance", id: alice.userId });
  await expect.poll(() => replica.effectiveBalance(account)).toBe(2_000_000n);
  expect(await replica.accountById(alice.userId)).toBe(account);
  await replica.close();
});

import { expect, vi } from "vitest";
import { requestBounty } from "../../src/domain/bounties/bounty-store.js";
import { activateInstance } from "../../src/domain/instances/activation-repository.js";
import { redisKeys } from "../../src/infra/redis/keys.js";
import { subscribe } from "../../src/infra/redis/pubsub.js";
import { type GatewayApi, givenCaller, givenChute, rowsOf, send } from "../support/gateway-api.js";
import { test } from "../support/gateway-test.js";
import { PluginCounter } from "../support/query-counter.js";

const HOST = "llm.x.test";
const PATH = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "hello" }];
const ANSWER = { choices: [{ message: { content: "hi" } }], usage: { prompt_tokens: 3, completion_tokens: 2 } };

const ask = (api: GatewayApi, apiKey: string, model: string) =>
  send(api, { host: HOST, path: PATH, apiKey, body: { model, messages: MESSAGES } });

const statusesOf = (answers: readonly { status: number }[]) => answers.map(({ status }) => status);

test("03 §20.14: fifty callers of a cold chute make one bounty and one announcement of it, without a statement each", async ({
  db,
  world,
  owner,
  log,
}) => {
  const counter = new PluginCounter();
  const api = await world.gateway({ db: db.withPlugin(counter) });
  const caller = await givenCaller(db, { balanceUsd: 5, quota: 1000 });
  const chute = await givenChute(db, { owner });
  const heard: unknown[] = [];
  const { signal } = new AbortController();
  world.use(await subscribe({ redis: api.redis, log, signal }, "miner_broadcast", (event) => heard.push(event)));
  expect((await ask(api, caller.apiKey, chute.name)).status).toBe(503);
  counter.queries.length = 0;
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(api, caller.apiKey, chute.name)));
  expect(new Set(statusesOf(answers))).toEqual(new Set([503]));
  // What is remembered may have been renewed meanwhile; no call asks for itself.
  expect(counter.queries.length).toBeLessThanOrEqual(4);
  // The callers may have spanned two windows.
  await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0));
  expect(heard.length).toBeLessThanOrEqual(2);
  expect(heard[0]).toEqual({
    reason: "bounty_change",
    data: { chute_id: chute.chuteId, bounty: expect.any(Number), bounty_boost: expect.closeTo(1.1, 2) },
  });
  expect(await api.redis.zcard(redisKeys.bounties)).toBe(1);
});

test("03 §11.1: while a chute's instances are being replaced, calls make no bounty", async ({ db, api, owner }) => {
  const caller = await givenCaller(db, { balanceUsd: 5 });
  const chute = await givenChute(db, { owner });
  await db
    .insertInto("rolling_updates")
    .values({ chute_id: chute.chuteId, old_version: "1", new_version: "2", permitted: "{}", started_at: new Date() })
    .execute();
  expect((await ask(api, caller.apiKey, chute.name)).status).toBe(503);
  expect(await api.redis.exists(redisKeys.bounty(chute.chuteId))).toBe(0);
  await db.deleteFrom("rolling_updates").execute();
  api.directory.drop({ kind: "chute", id: chute.chuteId });
  await vi.waitFor(async () => {
    await ask(api, caller.apiKey, chute.name);
    expect(await api.redis.exists(redisKeys.bounty(chute.chuteId))).toBe(1);
  });
});

test("03 §11.4: where calls claim bounties, the first completed one takes the amount into its row", async ({
  db,
  world,
  owner,
}) => {
  const api = await world.gateway({ bounties: { mode: "completion" } });
  const caller = await givenCaller(db, { balanceUsd: 5 });
  const chute = await givenChute(db, { owner });
  const now = new Date(Date.now() - 60_000);
  await requestBounty(api.redis, { chuteId: chute.chuteId, isPrivate: false, rules: api.config.bounties, now });
  await world.instance(api, chute, () => ({ kind: "json", value: ANSWER }));
  for (const _ of [1, 2]) expect((await ask(api, caller.apiKey, chute.name)).status).toBe(200);
  const bounties = (await rowsOf(api, chute.chuteId)).map(({ bounty }) => bounty).sort((a, b) => b - a);
  expect(bounties[0]).toBeGreaterThanOrEqual(280);
  expect(bounties[0]).toBeLessThanOrEqual(310);
  expect(bounties[1]).toBe(0);
  expect(await api.redis.exists(redisKeys.bounty(chute.chuteId))).toBe(0);
});

test("03 §11.4: where activation claims them, calls leave bounties alone", async ({ db, api, world, owner }) => {
  const caller = await givenCaller(db, { balanceUsd: 5 });
  const chute = await givenChute(db, { owner });
  const { chuteId } = chute;
  await requestBounty(api.redis, { chuteId, isPrivate: false, rules: api.config.bounties, now: new Date() });
  await world.instance(api, chute, () => ({ kind: "json", value: ANSWER }));
  expect((await ask(api, caller.apiKey, chute.name)).status).toBe(200);
  expect((await rowsOf(api, chuteId)).map(({ bounty }) => bounty)).toEqual([0]);
  expect(await api.redis.exists(redisKeys.bounty(chuteId))).toBe(1);
});

test("03 §11.4: of concurrent activations of one instance only the winner is asked what it earns", async ({
  db,
  api,
  world,
  owner,
}) => {
  const chute = await givenChute(db, { owner });
  const { instanceId } = await world.instance(api, chute, () => ({ kind: "json", value: {} }));
  await db.deleteFrom("instance_compute_history").execute();
  await db.updateTable("instances").set({ active: false, activated_at: null }).execute();
  let asked = 0;
  const activation = {
    instanceId,
    now: new Date(),
    stopBillingAt: null,
    earn: async () => {
      asked += 1;
      return { computeMultiplier: 2.5, bounty: true };
    },
  };
  // An activation whose claim fails changes nothing, and can be tried again.
  const failing = { ...activation, earn: () => Promise.reject(new Error("shared memory is away")) };
  await expect(activateInstance(db, failing)).rejects.toThrow("shared memory is away");
  const won = await Promise.all(Array.from({ length: 5 }, () => activateInstance(db, activation)));
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(asked).toBe(1);
  const history = await db.selectFrom("instance_compute_history").select("compute_multiplier").execute();
  expect(history.map(({ compute_multiplier }) => compute_multiplier)).toContain(2.5);
});

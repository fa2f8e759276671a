import { randomUUID } from "node:crypto";
import { EventEmitter, on, once } from "node:events";
import type { IncomingMessage } from "node:http";
import { expect, vi } from "vitest";
import { connectionsOf } from "../../src/domain/invocations/target-store.js";
import { redisKeys } from "../../src/infra/redis/keys.js";
import { subscribe } from "../../src/infra/redis/pubsub.js";
import type { Behaviour, SeenCall } from "../fakes/instance.js";
import { cord, givenApiKey, givenCaller, givenChute, open, rowsOf, send } from "../support/gateway-api.js";
import { test } from "../support/gateway-test.js";

const CHAT = "/v1/chat/completions";
const LLM_HOST = "llm.x.test";

/** A whole chat answer as engines give it. */
const answerOf = (model: string, tokens = { prompt: 5, completion: 2 }) => ({
  id: "1",
  model,
  choices: [{ index: 0, message: { role: "assistant", content: "hello you" } }],
  usage: { prompt_tokens: tokens.prompt, completion_tokens: tokens.completion },
});
const ok = (model: string): Behaviour => ({ kind: "json", value: answerOf(model) });
const status = (code: number, detail: unknown = "no"): Behaviour => ({
  kind: "status",
  status: code,
  body: JSON.stringify({ detail }),
});
const chunk = (model: string, content: string, completionTokens: number) =>
  `data: ${JSON.stringify({
    id: "1",
    model,
    choices: [{ index: 0, delta: { content } }],
    usage: { prompt_tokens: 10, completion_tokens: completionTokens },
  })}\n`;
const chat = (model: string, stream = false) => ({ model, messages: [{ role: "user", content: "hi" }], stream });

/** Lines that a test releases one by one. */
function gate() {
  const bus = new EventEmitter();
  async function* lines() {
    for await (const [line] of on(bus, "line")) {
      if (line === undefined) return;
      yield line as string;
    }
  }
  return { lines: lines(), release: (line?: string) => bus.emit("line", line) };
}

function nextChunk(response: IncomingMessage): Promise<string> {
  return once(response, "data").then(([bytes]) => String(bytes));
}

test("04 §19.9: hosts and paths reach the right handler", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner, name: "org/public" });
  const hidden = await givenChute(db, { owner: await givenCaller(db), name: "org/hidden", public: false });
  await world.instance(api, chute, () => ok(chute.name));
  const { apiKey } = caller;
  const at = (host: string, path: string, more: { apiKey?: string; body?: unknown } = {}) =>
    send(api, { host, path, ...more }).then((answer) => answer.status);

  expect(await at(LLM_HOST, "/v1/models")).toBe(200);
  expect(await at(LLM_HOST, CHAT, { body: chat(chute.name) })).toBe(401);
  expect(await at(LLM_HOST, CHAT, { apiKey, body: chat(chute.name) })).toBe(200);
  expect(await at(LLM_HOST, CHAT, { apiKey, body: chat("org/none") })).toBe(404);
  expect(await at(LLM_HOST, CHAT, { apiKey, body: chat(hidden.name) })).toBe(404);
  expect(await at(LLM_HOST, CHAT, { apiKey, body: chat(hidden.chuteId) })).toBe(404);
  expect(await at(`${chute.slug}.x.test`, CHAT, { apiKey, body: chat("whatever") })).toBe(200);
  expect(await at(`${hidden.slug}.x.test`, CHAT, { apiKey, body: chat("whatever") })).toBe(404);
  expect((await send(api, { host: "nosuch.x.test", path: "/users/me" })).json).toEqual({ from: "api" });
  expect(await at("x.test", "//invocations/usage")).toBe(200);
  expect(await at("api.x.test", `/chutes/${chute.chuteId}${CHAT}`, { apiKey, body: chat("x") })).toBe(200);
  const probe = await send(api, { host: "api.x.test", path: `/chutes/${chute.chuteId}${CHAT}`, body: chat("x") });
  expect([probe.status, probe.json]).toEqual([404, { detail: "Not Found" }]);
});

test("04 §19.10: a stream is passed on byte for byte, each chunk before the next is made", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const { lines, release } = gate();
  const instance = await world.instance(api, chute, () => ({ kind: "stream", lines }));
  const answer = open(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name, true) });
  await vi.waitFor(() => expect(instance.calls).toHaveLength(1));
  const sent = [chunk(chute.name, "a", 1), "\n", "data: [DONE]\n"];
  release(sent[0]);
  const response = await answer;
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toBe("text/event-stream");
  expect(response.headers["x-chutes-invocationid"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(await nextChunk(response)).toBe(sent[0]);
  for (const line of sent.slice(1)) {
    release(line);
    expect(await nextChunk(response)).toBe(line);
  }
  release();
  await once(response, "end");
  const [row] = await rowsOf(api, chute.chuteId);
  expect(row).toMatchObject({
    function_name: "chat_stream",
    error_message: null,
    parent_invocation_id: response.headers["x-chutes-invocationid"],
    metrics: { it: 10, ot: 1, tokens: 1, mc: 0 },
  });
});

test("04 §19.11: a traced call shows its attempts as auditors read them", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  let asked = 0;
  const behave = (): Behaviour => {
    asked += 1;
    return asked === 1 ? status(500) : { kind: "stream", lines: [chunk(chute.name, "a", 1), "data: [DONE]\n"] };
  };
  await world.instance(api, chute, behave);
  await world.instance(api, chute, behave);
  const headers = { "X-Chutes-Trace": "TRUE" };
  const body = chat(chute.name, true);
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body, headers });
  const events = answer.text
    .split("\n\n")
    .filter(Boolean)
    .map((text) => JSON.parse(text.replace("data: ", "")) as Record<string, { message: string; child_id?: string }>);
  const messages = events.map((event) => event["trace"]?.message ?? "result");
  expect(messages.map((message) => message.split(" ", 2).join(" "))).toEqual([
    "identified 2",
    "attempting to",
    "error encountered",
    "attempting to",
    "result",
    "result",
    "successfully called",
  ]);
  const attempted = /query target=([^ ]+) uid=([0-9+]+) hotkey=([^ ]+)/;
  const failed = /error encountered while querying target=([^ ]+) uid=([0-9]+) hotkey=([^ ]+) coldkey=[^ ]+: (.*)/;
  expect(attempted.exec(messages[1] ?? "")?.[2]).toBe("7");
  expect(failed.exec(messages[2] ?? "")?.[4]).toBe("exc=HTTP_500: no");
  const children = events.map((event) => event["trace"]?.child_id).filter(Boolean);
  const rows = await rowsOf(api, chute.chuteId);
  expect(new Set(rows.map((row) => row.invocation_id))).toEqual(new Set(children));
  expect(new Set(rows.map((row) => row.parent_invocation_id))).toEqual(
    new Set([answer.headers["x-chutes-invocationid"]]),
  );
  expect(rows.map((row) => row.error_message).sort()).toEqual(["HTTP_500: no", null]);
});

test("04 §19.12: a full instance is passed over without blame", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner, concurrency: 3 });
  let full: string | undefined;
  const behave = (own: () => string) => (): Behaviour => {
    full ??= own();
    return full === own() ? status(429) : ok(chute.name);
  };
  const instances = [
    await world.instance(
      api,
      chute,
      behave(() => "a"),
    ),
    await world.instance(
      api,
      chute,
      behave(() => "b"),
    ),
  ];
  const ask = () => send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  expect((await ask()).status).toBe(200);
  await api.invocation.flush();
  const a = instances[full === "a" ? 0 : 1]?.instanceId ?? "";
  const { chuteId } = chute;
  expect(await connectionsOf(api.redis, { chuteId, instanceId: a }, new Date())).toBe(3);
  expect(await api.redis.get(redisKeys.consecutiveFailures(a))).toBeNull();
  expect((await rowsOf(api, chuteId)).map((row) => row.error_message)).toEqual(
    expect.arrayContaining(["RATE_LIMIT", null]),
  );
});

test("04 §19.12: when all are full the caller hears 429", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const instances = await Promise.all([1, 2].map(() => world.instance(api, chute, () => status(429))));
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  expect(answer.status).toBe(429);
  expect(instances.map(({ calls }) => calls.length)).toEqual([1, 1]);
  // Both now count as full: they are not even asked.
  await api.invocation.flush();
  expect((await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) })).status).toBe(
    429,
  );
  expect(instances.map(({ calls }) => calls.length)).toEqual([1, 1]);
});

test.for([
  [400, { message: "bad temperature" }],
  [422, "unprocessable"],
  [404, "model gone"],
] as const)("04 §19.12: an engine's %i is the caller's fault", async ([code, detail], { db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const instances = await Promise.all([1, 2].map(() => world.instance(api, chute, () => status(code, detail))));
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  expect([answer.status, answer.json]).toEqual([code, { detail }]);
  expect(instances.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(1);
  expect((await rowsOf(api, chute.chuteId)).map((row) => row.error_message)).toEqual(["BAD_REQUEST"]);
  for (const { instanceId } of instances) {
    expect(await api.redis.get(redisKeys.consecutiveFailures(instanceId))).toBeNull();
  }
});

test("04 §19.12: after the first chunk nothing is tried elsewhere", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const first = chunk(chute.name, "a", 1);
  const instances = await Promise.all(
    [1, 2].map(() => world.instance(api, chute, () => ({ kind: "break", lines: [first] }))),
  );
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name, true) });
  expect(answer.status).toBe(200);
  expect(answer.text.startsWith(first)).toBe(true);
  const event = JSON.parse(answer.text.slice(first.length).replace("data: ", "")) as { error: { type: string } };
  expect(event.error.type).toBe("upstream_error");
  expect(instances.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(1);
  const [row] = await rowsOf(api, chute.chuteId);
  expect(row?.error_message).not.toBeNull();
  expect(row?.amount_micro_usd).toBe(0n);
});

test("04 §19.13: seven failures in a row disable an instance", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const instance = await world.instance(api, chute, () => status(500));
  const ask = () => send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  for (let failures = 0; failures < 7; failures += 1) expect((await ask()).status).toBe(503);
  await api.invocation.flush();
  expect(await api.redis.ttl(redisKeys.instanceDisabled(instance.instanceId))).toBeGreaterThan(80);
  expect((await ask()).status).toBe(429);
  expect(instance.calls).toHaveLength(7);
  const announced = await db.selectFrom("outbox").select(["channel", "payload"]).orderBy("event_id").execute();
  expect(announced).toMatchObject([
    { channel: "miner_broadcast", payload: { reason: "instance_disabled", filter_recipients: [expect.any(String)] } },
    { channel: "events", payload: { reason: "instance_disabled", data: { instance_id: instance.instanceId } } },
  ]);
});

test("04 §19.13: a success in between starts the count again", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  let asked = 0;
  const instance = await world.instance(api, chute, () => {
    asked += 1;
    return asked % 7 === 0 ? ok(chute.name) : status(500);
  });
  for (let calls = 0; calls < 13; calls += 1) {
    await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
    await api.invocation.flush();
  }
  expect(instance.calls).toHaveLength(13);
  expect(await api.redis.exists(redisKeys.instanceDisabled(instance.instanceId))).toBe(0);
});

test("04 §19.13: the sixth disabling within an hour deletes the instance and tells its miner", async ({
  db,
  world,
  owner,
}) => {
  const api = await world.gateway({ gateway: { consecutiveFailureLimit: 1 }, deletionDelayMs: 1 });
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const { instanceId } = await world.instance(api, chute, () => status(500));
  for (let disables = 0; disables < 6; disables += 1) {
    await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
    await api.invocation.flush();
    await api.redis.del(redisKeys.instanceDisabled(instanceId));
  }
  const outbox = await vi.waitFor(async () => {
    const rows = await db.selectFrom("outbox").select(["channel", "payload"]).execute();
    const deleted = rows.filter(({ payload }) => JSON.stringify(payload).includes("instance_deleted"));
    expect(deleted).toHaveLength(2);
    return deleted;
  });
  expect(outbox.map(({ channel }) => channel).sort()).toEqual(["events", "miner_broadcast"]);
  const toMiner = outbox.find(({ channel }) => channel === "miner_broadcast")?.payload;
  expect(toMiner).toMatchObject({ filter_recipients: [expect.any(String)], data: { instance_id: instanceId } });
  expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([]);
});

test("04 §19.13: with fifty pending deletions nothing is deleted", async ({ db, world, owner }) => {
  const api = await world.gateway({ gateway: { consecutiveFailureLimit: 1 }, deletionDelayMs: 1 });
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const { instanceId } = await world.instance(api, chute, () => status(500));
  const later = Date.now() + 60_000;
  for (let others = 0; others < 50; others += 1) await api.redis.zadd(redisKeys.pendingDeletions, later, randomUUID());
  for (let disables = 0; disables < 6; disables += 1) {
    await api.redis.del(redisKeys.instanceDisabled(instanceId));
    await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
    await api.invocation.flush();
  }
  await vi.waitFor(async () =>
    expect(await api.redis.ttl(redisKeys.instanceDisabled(instanceId))).toBeGreaterThan(240),
  );
  expect(await db.selectFrom("instances").select("instance_id").execute()).toHaveLength(1);
});

test("04 §19.14: a chute without instances answers 503 and offers one bounty", async ({
  db,
  api,
  owner,
  log,
  world,
}) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const heard: unknown[] = [];
  const { signal } = new AbortController();
  const listener = await subscribe({ redis: api.redis, log, signal }, "miner_broadcast", (event) => heard.push(event));
  world.use(listener);
  const ask = () => send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  const answers = [await ask(), await ask(), await ask()];
  expect(answers.map((answer) => answer.status)).toEqual([503, 503, 503]);
  expect(answers[0]?.json).toEqual({
    detail: `No instances available (yet) for chute_id='${chute.chuteId}'`,
  });
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  expect(heard[0]).toMatchObject({ reason: "bounty_change", data: { chute_id: chute.chuteId, bounty: 100 } });
});

const SDK_CALL = {
  args: "H4sIAAAAAAACA2tgmSrEAAG1U3pYSlIrSqb0MGVkTilunaIHAKK0zmcdAAAA",
  kwargs: "H4sIAAAAAAACA2tgqZ2iBwAKaXRtBQAAAA==",
};
/** A pickle that would call a function when loaded carelessly. */
const EVIL_ARGS = "H4sIAOUXBmsC/2tgmarIAAE9rAX5xZkVU3rYiiuLS1Jzp0ye0sNSUlSaOqV1ShAQ6wEAsh8IqiwAAAA=";

test("04 §19.15: a remote call of the SDK reaches the function as plain JSON", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const echo = cord("echo");
  const chute = await givenChute(db, { owner, template: null, cords: [echo] });
  const instance = await world.instance(api, chute, ({ payload }) => ({ kind: "json", value: { echoed: payload } }));
  const sdk = { host: "api.x.test", path: `/chutes/${chute.chuteId}/echo`, apiKey: caller.apiKey };
  const answer = await send(api, { ...sdk, body: SDK_CALL });
  expect(answer.status).toBe(200);
  expect(instance.calls.map(({ path, payload }) => [path, payload])).toEqual([["/echo", { text: "hi" }]]);
  const events = answer.text
    .split("\n\n")
    .filter(Boolean)
    .map((text) => JSON.parse(text.slice(6)) as { result?: unknown });
  expect(events.filter((event) => event.result !== undefined)).toEqual([
    { result: { content_type: "application/json", json: { echoed: { text: "hi" } } } },
  ]);
  const refused = await send(api, { ...sdk, body: { ...SDK_CALL, args: EVIL_ARGS } });
  expect(refused.status).toBe(400);
  expect(instance.calls).toHaveLength(1);
});

test("04 §19.16: usage is always asked for, and the model is the chute's", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const instance = await world.instance(api, chute, () => ({ kind: "stream", lines: [chunk(chute.name, "a", 1)] }));
  const body = { ...chat("my-alias", true), stream_options: { include_usage: false, other: 1 } };
  await send(api, { host: `${chute.slug}.x.test`, path: CHAT, apiKey: caller.apiKey, body });
  const { payload } = instance.calls[0] as SeenCall;
  expect(payload).toMatchObject({
    json: {
      model: chute.name,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true, other: 1 },
    },
    params: {},
  });
});

test("04 §19.19: beyond the quota a call needs a balance, and is charged", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 2 });
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  // Repeats of one request would count for less.
  const ask = () =>
    send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: { ...chat(chute.name), user: randomUUID() } });
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
  const third = await ask();
  expect(third.status).toBe(402);
  const midnight = new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000).toISOString().slice(0, 19);
  expect(third.json).toMatchObject({ detail: { quota_reset_timestamp: `${midnight}+00:00` } });

  const million = 1_000_000n;
  await db.updateTable("users").set({ balance_micro_usd: million }).where("user_id", "=", caller.userId).execute();
  api.directory.drop({ kind: "account", id: caller.userId });
  expect((await ask()).status).toBe(200);
  const rows = await rowsOf(api, chute.chuteId);
  expect(rows.map((row) => row.amount_micro_usd)).toEqual([0n, 0n, 1n]);
  const { balance_micro_usd: left } = await db
    .selectFrom("users")
    .select("balance_micro_usd")
    .where("user_id", "=", caller.userId)
    .executeTakeFirstOrThrow();
  expect(left).toBe(million - 1n);
  const entries = await db
    .selectFrom("ledger_entries")
    .select(["account", "amount_micro_usd"])
    .orderBy("account")
    .execute();
  expect(entries).toEqual([
    { account: "platform:revenue", amount_micro_usd: 1n },
    { account: `user:${caller.userId}`, amount_micro_usd: -1n },
  ]);
});

test("04 §19.19: twenty calls at once never exceed a quota of two", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 2 });
  const chute = await givenChute(db, { owner, concurrency: 64 });
  const instance = await world.instance(api, chute, () => ok(chute.name));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) }),
    ),
  );
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(2);
  expect(answers.filter((answer) => answer.status === 402)).toHaveLength(18);
  expect(instance.calls).toHaveLength(2);
});

test("04 §19.19: a call that fails gives its quota back", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 1 });
  const chute = await givenChute(db, { owner });
  let isBroken = true;
  await world.instance(api, chute, () => (isBroken ? status(500) : ok(chute.name)));
  const ask = () => send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  expect((await ask()).status).toBe(503);
  await api.invocation.flush();
  isBroken = false;
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(402);
});

test("04 §19.20: repeats of a request cost a tenth of a call", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 100 });
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const used = async () => Number(await api.redis.get(redisKeys.quotaUsed(new Date(), caller.userId, "__default__")));
  const seen: number[] = [];
  for (let calls = 0; calls < 16; calls += 1) {
    await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
    await api.invocation.flush();
    seen.push(Number((await used()).toFixed(6)));
  }
  expect([seen[0], seen[1], seen[14], seen[15]]).toEqual([1, 1.1, 2.4, 3.4]);
});

test("04 §19.23: only the caller reports a call, and once", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const stranger = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  await api.invocation.flush();
  const path = `/invocations/${String(answer.headers["x-chutes-invocationid"])}/report`;
  const report = (apiKey: string, body: unknown = { reason: "nonsense" }) =>
    send(api, { host: "api.x.test", path, apiKey, body });
  expect((await report(stranger.apiKey)).status).toBe(404);
  expect((await report(caller.apiKey, {})).status).toBe(422);
  const first = await report(caller.apiKey);
  expect([first.status, first.json]).toEqual([200, { status: expect.stringContaining("report received") }]);
  expect((await report(caller.apiKey)).status).toBe(409);
  expect((await report(stranger.apiKey)).status).toBe(404);
});

test("04 §19.24: when the client leaves, the instance is told, the slot freed and the part paid", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db, { quota: 0, balanceUsd: 1 });
  const chute = await givenChute(db, { owner });
  const { lines, release } = gate();
  const instance = await world.instance(api, chute, () => ({ kind: "stream", lines }));
  const answer = open(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name, true) });
  await vi.waitFor(() => expect(instance.calls).toHaveLength(1));
  for (let chunks = 1; chunks <= 10; chunks += 1) release(chunk(chute.name, "a", chunks));
  const response = await answer;
  let text = "";
  response.on("data", (bytes) => {
    text += String(bytes);
  });
  await vi.waitFor(() => expect(text.match(/data: /g)).toHaveLength(10));
  const leftAt = performance.now();
  response.destroy();
  const { resetAt } = await vi.waitFor(() => {
    const [call] = instance.calls;
    expect(call?.resetAt).toBeDefined();
    return call as Required<SeenCall>;
  });
  expect(resetAt - leftAt).toBeLessThan(1000);
  const rows = await rowsOf(api, chute.chuteId);
  expect(rows).toMatchObject([{ error_message: null, metrics: { it: 10, ot: 10, tokens: 10 } }]);
  expect(rows[0]?.amount_micro_usd).toBe(2n);
  const { instanceId } = instance;
  expect(await connectionsOf(api.redis, { chuteId: chute.chuteId, instanceId }, new Date())).toBe(0);
  expect(await api.redis.get(redisKeys.consecutiveFailures(instanceId))).toBeNull();
});

test("04 §3.2: a key for one chute reaches that chute alone, also through the shared host", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db);
  const mine = await givenChute(db, { owner });
  const other = await givenChute(db, { owner });
  await world.instance(api, mine, () => ok(mine.name));
  await world.instance(api, other, () => ok(other.name));
  const apiKey = await givenApiKey(db, caller.userId, [mine.chuteId]);
  const ask = (host: string, model: string) => send(api, { host, path: CHAT, apiKey, body: chat(model) });
  expect((await ask(LLM_HOST, mine.name)).status).toBe(200);
  expect((await ask(`${mine.slug}.x.test`, mine.name)).status).toBe(200);
  expect((await ask(LLM_HOST, other.name)).status).toBe(401);
  expect((await ask(`${other.slug}.x.test`, other.name)).status).toBe(401);
});

import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { expect, vi } from "vitest";
import { redisKeys } from "../../../../../src/infra/redis/keys.js";
import { TEMPLATE_CORDS } from "../../../../../src/wire/cords.js";
import { signedHeaders } from "../../../../../src/wire/headers.js";
import { keypairFromSeed } from "../../../../../src/wire/keypair.js";
import type { Behaviour } from "../../../../fakes/instance.js";
import { cord, givenCaller, givenChute, open, rowsOf, send } from "../../../../support/gateway-api.js";
import { test } from "../../../../support/gateway-test.js";
import { PluginCounter } from "../../../../support/query-counter.js";

const CHAT = "/v1/chat/completions";
const LLM_HOST = "llm.x.test";
const chat = (model: string, stream = false) => ({ model, messages: [{ role: "user", content: "hi" }], stream });
const ok = (model: string): Behaviour => ({
  kind: "json",
  value: { model, choices: [{ message: { content: "hello" } }], usage: { prompt_tokens: 5, completion_tokens: 2 } },
});

test("04 §18.2: no SQL runs between accept and first byte", async ({ db, world, owner }) => {
  const counter = new PluginCounter();
  const counted = db.withPlugin(counter);
  const api = await world.gateway({ db: counted, gateway: { writeBatchMs: 5000 } });
  const caller = await givenCaller(db, { quota: 1000 });
  const chute = await givenChute(db, { owner, concurrency: 64 });
  await world.instance(api, chute, () => ok(chute.name));
  const ask = (host: string) => send(api, { host, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  for (const host of [LLM_HOST, `${chute.slug}.x.test`]) expect((await ask(host)).status).toBe(200);
  await api.invocation.flush();
  counter.queries.length = 0;
  for (let calls = 0; calls < 10; calls += 1) {
    for (const host of [LLM_HOST, `${chute.slug}.x.test`]) expect((await ask(host)).status).toBe(200);
  }
  expect(counter.queries).toEqual([]);
  await api.invocation.flush();
  expect(counter.queries.length).toBeGreaterThan(0);
});

test("04 §2: a body beyond the cap is refused, declared or not", async ({ world, db }) => {
  const api = await world.gateway({ gateway: { maxBodyBytes: 1024 } });
  const { apiKey } = await givenCaller(db);
  const declared = await send(api, { host: LLM_HOST, path: CHAT, apiKey, body: "x".repeat(1025) });
  expect([declared.status, declared.json, declared.headers["connection"]]).toEqual([
    413,
    { detail: "Request body is too large." },
    "close",
  ]);
  const headers = { host: LLM_HOST, authorization: apiKey };
  const chunked = httpRequest({ port: api.port, method: "POST", path: CHAT, headers });
  chunked.on("error", () => undefined);
  for (let chunks = 0; chunks < 3; chunks += 1) chunked.write("x".repeat(500));
  const [response] = (await once(chunked, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(413);
  chunked.destroy();
});

test("04 §3.1: who may not call learns nothing about the body", async ({ db, world, api, owner }) => {
  const broke = await givenCaller(db, { quota: 0 });
  const rich = await givenCaller(db, { quota: 0, balanceUsd: 1 });
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const host = `${chute.slug}.x.test`;
  const ask = (apiKey: string, body: string, path = CHAT) => send(api, { host, path, apiKey, body });
  for (const body of ["{oops", "[1]", '"text"', ""]) {
    expect((await ask(broke.apiKey, body)).status).toBe(402);
    const answer = await ask(rich.apiKey, body);
    expect(answer.status).toBe(400);
    expect(String(answer.json["detail"])).toContain("invalid request JSON payload");
  }
  expect((await ask(broke.apiKey, "{}", "/nope")).status).toBe(402);
  expect((await ask(rich.apiKey, "{}", "/nope")).json).toEqual({ detail: "No matching cord found!" });
});

test("04 §2: browsers may call invocation hosts, without cookies", async ({ db, api, owner }) => {
  const chute = await givenChute(db, { owner });
  for (const host of [LLM_HOST, `${chute.slug}.x.test`]) {
    const headers = { origin: "https://app.test", "access-control-request-headers": "x-chutes-trace, x-evil" };
    const answer = await send(api, { host, path: CHAT, method: "OPTIONS", headers });
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    expect(answer.headers["access-control-allow-headers"]).toBe(
      "authorization, content-type, x-enable-thinking, x-tee-only, x-chutes-trace",
    );
  }
  const refused = await send(api, { host: LLM_HOST, path: CHAT, body: {} });
  expect([refused.status, refused.headers["access-control-allow-origin"]]).toEqual([401, "*"]);
});

test("04 §9, §10: embeddings are paid by the second, images by the step", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 0, balanceUsd: 1 });
  const embedding = await givenChute(db, { owner, template: "embedding", cords: TEMPLATE_CORDS.embedding });
  const diffusion = await givenChute(db, { owner, template: "diffusion", cords: [cord("generate")] });
  await world.instance(api, embedding, () => ({ kind: "json", value: { data: [] } }));
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
  const wrapped = { type: "Response", status_code: 200, media_type: "image/png", headers: {} };
  await world.instance(api, diffusion, () => ({ kind: "response", wrapped, bytes: png }));
  const { apiKey } = caller;
  const embedded = await send(api, {
    host: "embed.x.test",
    path: "/v1/embeddings",
    apiKey,
    body: { model: embedding.name, input: "x" },
  });
  expect([embedded.status, embedded.json]).toEqual([200, { data: [] }]);
  const image = await send(api, {
    host: "image.x.test",
    path: "/generate",
    apiKey,
    body: { model: diffusion.name, prompt: "a cat", num_inference_steps: 10 },
  });
  expect([image.status, image.headers["content-type"], image.text]).toEqual([200, "image/png", png.toString("utf8")]);
  // A second of an H100 at 1.79 USD/h; ten steps of 0.2 % of an hour.
  expect(await rowsOf(api, embedding.chuteId)).toMatchObject([{ amount_micro_usd: 498n, metrics: { b: 0.000498 } }]);
  expect(await rowsOf(api, diffusion.chuteId)).toMatchObject([
    { amount_micro_usd: 35_800n, metrics: { steps: 10, masps: expect.any(Number), b: 0.0358 } },
  ]);
});

test("04 §8.1: a wrapped response keeps its status and what is safe of its headers", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner, template: null, cords: [cord("file", { public_api_method: "GET" })] });
  const headers = { "Content-Disposition": 'attachment; filename="a.txt"', "Set-Cookie": "x=1", "X-Host": "10.0.0.1" };
  const wrapped = {
    type: "Response",
    status_code: 203,
    media_type: null,
    headers: { ...headers, "content-type": "text/x" },
  };
  await world.instance(api, chute, () => ({ kind: "response", wrapped, bytes: Buffer.from("abc") }));
  const answer = await send(api, { host: `${chute.slug}.x.test`, path: "/file?a=1", apiKey: caller.apiKey });
  expect([answer.status, answer.text]).toEqual([203, "abc"]);
  expect(answer.headers).toMatchObject({
    "content-type": "text/x",
    "content-disposition": 'attachment; filename="a.txt"',
  });
  expect(answer.headers).not.toHaveProperty("set-cookie");
  expect(answer.headers).not.toHaveProperty("x-host");
});

test("a wrapped response that HTTP cannot carry is carried as plain bytes", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner, template: null, cords: [cord("file")] });
  const wrapped = {
    type: "Response",
    status_code: 42,
    media_type: "text/\r\nx-evil: 1",
    headers: { "cache-control": "\u0000" },
  };
  await world.instance(api, chute, () => ({ kind: "response", wrapped, bytes: Buffer.from("abc") }));
  const answer = await send(api, { host: `${chute.slug}.x.test`, path: "/file", apiKey: caller.apiKey, body: {} });
  expect([answer.status, answer.headers["content-type"], answer.text]).toEqual([
    200,
    "application/octet-stream",
    "abc",
  ]);
  expect(answer.headers).not.toHaveProperty("x-evil");
});

test("a generator's items reach the client as they are, also when they are not text", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner, template: null, cords: [cord("count", { stream: true })] });
  const items = [Buffer.from([0xff, 0xfe]), Buffer.from("two")];
  await world.instance(api, chute, () => ({ kind: "stream", lines: items }));
  const response = await open(api, { host: `${chute.slug}.x.test`, path: "/count", apiKey: caller.apiKey, body: {} });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks)).toEqual(Buffer.concat(items));
});

test("04 §3.4: a private chute costs its caller nothing and keeps its instance, as long as the owner can pay", async ({
  db,
  world,
  api,
}) => {
  const developer = await givenCaller(db);
  const friend = await givenCaller(db, { quota: 0 });
  const chute = await givenChute(db, { owner: developer, public: false });
  const { instanceId } = await world.instance(api, chute, () => ok(chute.name));
  await db
    .updateTable("instances")
    .set({ stop_billing_at: new Date() })
    .where("instance_id", "=", instanceId)
    .execute();
  const ask = () =>
    send(api, { host: `${chute.slug}.x.test`, path: CHAT, apiKey: friend.apiKey, body: chat(chute.name) });
  expect((await ask()).status).toBe(404);
  const share = {
    chute_id: chute.chuteId,
    shared_by: developer.userId,
    shared_to: friend.userId,
    shared_at: new Date(),
  };
  await db.insertInto("chute_shares").values(share).execute();
  api.directory.drop({ kind: "chute", id: chute.chuteId });
  expect((await ask()).status).toBe(402);
  await db.updateTable("users").set({ balance_micro_usd: 1n }).where("user_id", "=", developer.userId).execute();
  api.directory.drop({ kind: "account", id: developer.userId });
  expect((await ask()).status).toBe(200);
  expect(await rowsOf(api, chute.chuteId)).toMatchObject([{ amount_micro_usd: 0n, metrics: { p: true, b: 0 } }]);
  const row = await db.selectFrom("instances").select("stop_billing_at").executeTakeFirstOrThrow();
  expect(row.stop_billing_at?.getTime()).toBeGreaterThan(Date.now() + 290_000);
});

test("04 §3.5: beyond the rate limit the caller is told how long to wait", async ({ db, world, owner }) => {
  const api = await world.gateway({ gateway: { rateLimitCount: 1 } });
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const ask = () => send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  const first = await ask();
  expect(first.headers).toMatchObject({
    "x-chutes-rl-user": "1",
    "x-chutes-quota-total": "200",
    "x-chutes-quota-used": "0",
    "x-chutes-quota-remaining": "200",
  });
  const second = await ask();
  expect([second.status, second.json]).toEqual([429, { detail: "Too many requests" }]);
  expect(Number(second.headers["retry-after"])).toBeGreaterThan(50);
});

test("04 §3.1: disabled, held back and unconfidential chutes say so", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const disabled = await givenChute(db, { owner, disabled: true });
  const held = await givenChute(db, { owner });
  await world.instance(api, held, () => ok(held.name));
  const ask = (model: string, headers = {}) =>
    send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(model), headers });
  expect((await ask(disabled.name)).status).toBe(503);
  expect((await ask(held.name, { "X-TEE-Only": "true" })).status).toBe(426);
  await api.redis.set(redisKeys.modelDisabled(held.chuteId), "1");
  expect((await ask(held.name)).status).toBe(429);
});

test("a call may be signed with a hotkey instead of a key", async ({ db, world, api, owner }) => {
  const signer = keypairFromSeed("03".repeat(32));
  const caller = await givenCaller(db);
  await db.updateTable("users").set({ hotkey: signer.address }).where("user_id", "=", caller.userId).execute();
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const body = JSON.stringify(chat(chute.name));
  const ask = (signed: string) =>
    send(api, { host: LLM_HOST, path: CHAT, body, headers: signedHeaders(signer, { body: signed }, new Date()) });
  expect((await ask(body)).status).toBe(200);
  expect((await ask(`${body} `)).status).toBe(401);
});

test("04 §8.2: a stream that begins with an error is answered with a status", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  let code = 0;
  await world.instance(api, chute, () => ({
    kind: "stream",
    lines: [`data: {"error":{"message":"no","code":${code}}}\n`, "\n"],
  }));
  const ask = (next: number) => {
    code = next;
    const body = { ...chat(chute.name, true), user: randomUUID() };
    return send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body }).then((answer) => answer.status);
  };
  expect([await ask(400), await ask(500), await ask(429)]).toEqual([400, 503, 429]);
});

test.for([
  {
    what: "an empty stream",
    stream: true,
    behaviour: { kind: "stream", lines: ["data: [DONE]\n"] } as const,
    label: "EMPTY_STREAM",
  },
  {
    what: "another model",
    stream: false,
    behaviour: { kind: "json", value: { model: "cheap", choices: [], usage: {} } } as const,
    label: "EMPTY_STREAM",
  },
  { what: "garbage", stream: false, behaviour: { kind: "garbage" } as const, label: "the payload does not decrypt" },
])(
  "04 §7.3: $what is passed over and counts against the instance",
  async ({ stream, behaviour, label }, { db, world, api, owner }) => {
    const caller = await givenCaller(db);
    const chute = await givenChute(db, { owner });
    let bad: string | undefined;
    const good: Behaviour = stream
      ? { kind: "stream", lines: [`data: {"model":"${chute.name}","choices":[{"delta":{"content":"a"}}]}\n`] }
      : ok(chute.name);
    const behave = (own: string) => () => {
      bad ??= own;
      return bad === own ? behaviour : good;
    };
    const instances = {
      a: await world.instance(api, chute, behave("a")),
      b: await world.instance(api, chute, behave("b")),
    };
    const answer = await send(api, {
      host: LLM_HOST,
      path: CHAT,
      apiKey: caller.apiKey,
      body: chat(chute.name, stream),
    });
    expect(answer.status).toBe(200);
    const rows = await rowsOf(api, chute.chuteId);
    expect(rows.map((row) => row.error_message)).toEqual(expect.arrayContaining([label, null]));
    const { instanceId } = bad === "a" ? instances.a : instances.b;
    expect(await api.redis.get(redisKeys.consecutiveFailures(instanceId))).toBe("1");
  },
);

test("04 §7.3: a language model that does not say what it used is deleted at once", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ({ kind: "json", value: { model: chute.name, choices: [] } }));
  const answer = await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  expect(answer.status).toBe(503);
  await vi.waitFor(async () => expect(await db.selectFrom("instances").select("instance_id").execute()).toEqual([]));
  expect((await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) })).status).toBe(
    503,
  );
});

test("an instance that is gone is passed over without the client noticing", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const gone = await world.instance(api, chute, () => ok(chute.name));
  await world.instance(api, chute, () => ok(chute.name));
  await gone.close();
  for (let calls = 0; calls < 6; calls += 1) {
    const body = { ...chat(chute.name), user: randomUUID() };
    expect((await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body })).status).toBe(200);
  }
  const failed = (await rowsOf(api, chute.chuteId)).filter((row) => row.error_message !== null);
  for (const row of failed) expect(row.error_message).toContain("[host redacted]");
});

test("a charged balance counts before it is stored", async ({ db, world, owner }) => {
  const api = await world.gateway({ gateway: { writeBatchMs: 5000 } });
  const caller = await givenCaller(db, { quota: 0, balanceUsd: 0.000002 });
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  const statuses: number[] = [];
  for (let calls = 0; calls < 4; calls += 1) {
    const body = { ...chat(chute.name), user: randomUUID() };
    statuses.push((await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body })).status);
    await api.invocation.settled();
  }
  expect(statuses).toEqual([200, 200, 402, 402]);
});

test("closing lets running calls end, refuses new ones, and stores their rows", async ({ db, world, owner }) => {
  const api = await world.gateway();
  const caller = await givenCaller(db);
  const chute = await givenChute(db, { owner });
  const gate = new EventEmitter();
  const event = `data: {"model":"${chute.name}","choices":[{"delta":{"content":"a"}}]}\n`;
  async function* lines() {
    yield event;
    await once(gate, "open");
    yield "data: [DONE]\n";
  }
  await world.instance(api, chute, () => ({ kind: "stream", lines: lines() }));
  const ask = { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name, true) };
  const response = await open(api, ask);
  await once(response, "data");
  const closing = api.invocation.close();
  expect((await send(api, ask)).status).toBe(503);
  let rest = "";
  response.on("data", (bytes) => {
    rest += String(bytes);
  });
  gate.emit("open");
  await once(response, "end");
  await closing;
  expect(rest).toBe("data: [DONE]\n");
  const rows = await db.selectFrom("partitioned_invocations").select("error_message").execute();
  expect(rows).toEqual([{ error_message: null }]);
});

test("04 §15: what happened is counted under the names that dashboards know", async ({ db, world, api, owner }) => {
  const caller = await givenCaller(db, { quota: 0, balanceUsd: 1 });
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => ok(chute.name));
  await send(api, { host: LLM_HOST, path: CHAT, apiKey: caller.apiKey, body: chat(chute.name) });
  await api.invocation.flush();
  const text = await api.metrics.registry.metrics();
  const labels = `chute_id="${chute.chuteId}"`;
  for (const line of [
    `requests_completed_total{${labels}} 1`,
    `mean_connections{${labels}} 0`,
    `concurrency{${labels}} 16`,
    `utilization{${labels}} 0`,
    `usage_usd_total{${labels}} 0.000001`,
  ]) {
    expect(text).toContain(line);
  }
  expect(text).toMatch(/prompt_tokens_total\{chute_id="[^"]+",miner_hotkey="[^"]+"\} 5/);
  expect(text).toMatch(/duration_count\{[^}]*error=""[^}]*\} 1/);
});

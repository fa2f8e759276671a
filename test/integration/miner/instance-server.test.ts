import { once } from "node:events";
import { connect } from "node:http2";
import { request as httpsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { createEchoEngine } from "../../../src/miner/engines/echo.js";
import type { Engine, EngineReply } from "../../../src/miner/engines/engine.js";
import { type InstanceServer, startInstanceServer } from "../../../src/miner/instance-server.js";
import { newTlsMaterial, type TlsMaterial } from "../../../src/miner/tls-material.js";
import { type Cord, TEMPLATE_CORDS } from "../../../src/wire/cords.js";
import { encryptPath } from "../../../src/wire/instance-cipher.js";
import { initCrypto, keypairFromSeed } from "../../../src/wire/keypair.js";
import { test } from "../../support/fixtures.js";
import { InstanceCaller, MINER_SEED, VALIDATOR_SEED } from "./instance-caller.js";

const CONFIG_ID = "11111111-2222-4333-8444-555555555555";
const NONCE = "00112233445566778899aabbccddeeff";
const COMMON_NAME = `${CONFIG_ID}.int.chutes.dev`;
const KEY = Buffer.alloc(32, 7);
const NOW = new Date("2025-10-09T08:53:20Z");
const MODEL = "demo/echo";
const CHAT = { json: { model: MODEL, messages: [{ role: "user", content: "one two three" }] }, params: {} };

const OWN_CORDS: Cord[] = ["hello", "slow", "items", "broken", "big"].map((name) => ({
  method: "POST",
  path: `/${name}`,
  function: name,
  stream: name !== "hello",
  passthrough: name === "big",
  public_api_path: `/${name}`,
  public_api_method: "POST",
  input_schema: {},
  output_schema: {},
  output_content_type: null,
  minimal_input_schema: null,
}));

let tls: TlsMaterial;
let server: InstanceServer;
let caller: InstanceCaller;
/** What the scripted engine saw of its last stream. */
const seen = { yielded: 0, ended: false };

const scripted: Engine = {
  async handle(request): Promise<EngineReply> {
    const stream = (chunks: AsyncIterable<Uint8Array>) => ({
      status: 200,
      contentType: "text/event-stream",
      stream: chunks,
    });
    switch (request.cord.path) {
      case "/slow":
        return stream(ticks(request.signal));
      case "/items":
        return stream(chunksOf(["two\nlines", "one"]));
      case "/broken":
        return stream(breaking());
      case "/big":
        return stream(megabytes(64));
      default:
        return createEchoEngine({ model: MODEL, now: () => NOW }).handle(request);
    }
  },
};

async function* chunksOf(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("first");
  throw new Error("the engine fell over");
}

async function* ticks(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  Object.assign(seen, { yielded: 0, ended: false });
  try {
    while (!signal.aborted) {
      seen.yielded += 1;
      yield Buffer.from("tick\n");
      await delay(5);
    }
  } finally {
    seen.ended = true;
  }
}

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  seen.yielded = 0;
  for (; seen.yielded < count; seen.yielded++) yield Buffer.alloc(1024 * 1024, "x").fill("\n", -1);
}

beforeAll(async () => {
  await initCrypto();
  tls = await newTlsMaterial({ configId: CONFIG_ID, nonce: NONCE, now: new Date() });
});

/** A server of its own for tests that need special options. */
async function start(options: { concurrency?: number; drainMs?: number } = {}) {
  const { createLogger } = await import("../../../src/kernel/logger.js");
  return startInstanceServer({
    tls,
    listenHost: "127.0.0.1",
    port: 0,
    cords: [...TEMPLATE_CORDS.vllm, ...TEMPLATE_CORDS.embedding, ...OWN_CORDS],
    engine: scripted,
    concurrency: 4,
    callers: {
      miner: keypairFromSeed(MINER_SEED).address,
      validator: keypairFromSeed(VALIDATOR_SEED).address,
      now: () => NOW,
    },
    log: createLogger({ level: "silent", secrets: [] }),
    ...options,
  });
}

const callerOf = (target: InstanceServer) =>
  InstanceCaller.open({ port: target.port, tls, commonName: COMMON_NAME, key: KEY });
const at = { now: NOW };

beforeAll(async () => {
  server = await start();
  server.serve(KEY);
  caller = await callerOf(server);
});
afterAll(async () => {
  caller.close();
  await server.close();
});

test("a plain call comes back encrypted, with the load in its headers", async () => {
  const answer = await caller.call("/chat", CHAT, at);
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "x-chutes-conn-used": "1",
    "x-chutes-conn-available": "3",
    "x-chutes-conn-utilization": "0.2500",
  });
  const completion = JSON.parse(caller.open(JSON.parse(answer.text).json));
  expect(completion.choices[0].message.content).toBe("one two three");
  expect(completion.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 });
});

test("04 §19.10: each line of a stream is its own encrypted line, blank ones too", async () => {
  const streaming = { ...CHAT, json: { ...CHAT.json, stream: true } };
  const answer = await caller.call("/chat_stream", streaming, at);
  const lines = caller.lines(answer.text);
  expect(answer.headers["content-type"]).toBe("text/event-stream");
  expect(lines.filter((line) => line === "\n")).toHaveLength(lines.length / 2);
  const text = lines.join("");
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  const pieces = text
    .split("\n\n")
    .slice(0, -2)
    .map((event) => JSON.parse(event.slice("data: ".length)));
  expect(pieces.map((piece) => piece.choices[0].delta.content).join("")).toBe("one two three");
});

test("an item of a stream that is no passthrough stays one line", async () => {
  const answer = await caller.call("/items", {}, at);
  expect(caller.lines(answer.text)).toEqual(["two\nlines", "one"]);
});

test("a function's own result and a picture keep their forms", async () => {
  const hello = await caller.call("/hello", { name: "x" }, at);
  expect(JSON.parse(caller.open(JSON.parse(hello.text).json))).toEqual({
    function: "hello",
    path: "/hello",
    echo: { name: "x" },
  });
});

test("the platform's ping is echoed and takes no slot", async () => {
  const answer = await caller.call("/_ping", { hello: "there" }, at);
  expect(JSON.parse(caller.open(JSON.parse(answer.text).json))).toEqual({ hello: "there" });
  expect(answer.headers["x-chutes-conn-used"]).toBeUndefined();
});

test("engine errors pass in the clear with their status", async () => {
  const answer = await caller.call("/chat", { json: { model: MODEL, messages: [] }, params: {} }, at);
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).detail.error).toMatchObject({ type: "BadRequestError", code: 400 });
});

test("04 §19.6: a nonce 540 s old is refused with 401, one of 539 s is taken", async () => {
  const stale = await caller.call("/chat", CHAT, { now: new Date(NOW.getTime() - 540_000) });
  const old = await caller.call("/chat", CHAT, { now: new Date(NOW.getTime() - 539_000) });
  expect([stale.status, old.status]).toEqual([401, 200]);
});

test("a signature over other bytes, another validator and missing headers are refused with 401", async () => {
  const other = keypairFromSeed("03".repeat(32)).address;
  const answers = await Promise.all([
    caller.call("/chat", CHAT, { ...at, headers: { "x-chutes-signature": "00".repeat(64) } }),
    caller.call("/chat", CHAT, { ...at, headers: { "x-chutes-validator": other } }),
    caller.call("/chat", CHAT, { ...at, headers: { "x-chutes-miner": other } }),
    caller.call("/chat", CHAT, { ...at, headers: { "x-chutes-nonce": "" } }),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([401, 401, 401, 401]);
});

test("paths that do not decrypt, unknown functions and unknown internal paths are 404", async () => {
  const otherKey = encryptPath(Buffer.alloc(32, 8), "/chat");
  const answers = await Promise.all([
    caller.call("", CHAT, { ...at, rawPath: "/chat" }),
    caller.call("", CHAT, { ...at, rawPath: otherKey }),
    caller.call("/nothing", CHAT, at),
    caller.call("/_shutdown", {}, at),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404]);
});

test("bodies that do not decrypt or carry no json are 400", async () => {
  const answers = await Promise.all([
    caller.call("/chat", {}, { ...at, rawBody: "AAAA" }),
    caller.call("/chat", [1], at),
    caller.call("/chat", "text", at),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([400, 400, 400]);
});

test("at its concurrency an instance answers 429, and pings still pass", async () => {
  const busy = await start({ concurrency: 1, drainMs: 0 });
  busy.serve(KEY);
  const client = await callerOf(busy);
  const held = client.send("/slow", {}, at);
  await once(held, "data");
  const refused = await client.call("/chat", CHAT, at);
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text).error).toBe("RateLimitExceeded");
  expect(refused.headers["x-chutes-conn-available"]).toBe("0");
  expect((await client.call("/_ping", {}, at)).status).toBe(200);
  held.close();
  await expect.poll(async () => (await client.call("/chat", CHAT, at)).status).toBe(200);
  client.close();
  await busy.close();
});

test("a caller that resets its stream stops the engine", async () => {
  const stream = caller.send("/slow", {}, at);
  await once(stream, "data");
  stream.close();
  await expect.poll(() => seen.ended).toBe(true);
});

test("an engine that fails in the middle breaks the stream off", async () => {
  const stream = caller.send("/broken", {}, at);
  await new Promise((resolve) => stream.once("close", resolve));
  expect(stream.rstCode).not.toBe(0);
});

test("a reader that does not read holds the engine back", async () => {
  const stream = caller.send("/big", { json: {} }, at);
  await once(stream, "response");
  await delay(300);
  const held = seen.yielded;
  expect(held).toBeLessThan(32);
  stream.close();
});

test("before its key is known an instance answers 503", async () => {
  const starting = await start({ drainMs: 0 });
  const client = await callerOf(starting);
  expect((await client.call("/chat", CHAT, at)).status).toBe(503);
  client.close();
  await starting.close();
});

test("without the client certificate of the launch no connection is made", async () => {
  const session = connect(`https://127.0.0.1:${server.port}`, { servername: COMMON_NAME, ca: tls.caCertPem });
  const stream = session.request({ ":path": "/" });
  const [error] = await once(stream, "error");
  expect(error).toBeInstanceOf(Error);
  session.on("error", () => undefined);
  session.destroy();
});

test("HTTP/1.1 is spoken too", async () => {
  const request = httpsRequest({
    host: "127.0.0.1",
    port: server.port,
    servername: COMMON_NAME,
    method: "POST",
    path: "/00",
    ca: tls.caCertPem,
    cert: tls.clientCertPem,
    key: tls.clientKeyPem,
  });
  request.end();
  const [response] = await once(request, "response");
  expect([response.httpVersion, response.statusCode]).toEqual(["1.1", 401]);
  response.resume();
  request.destroy();
});

test("closing waits for running requests, but not longer than allowed", async () => {
  const closing = await start({ drainMs: 100 });
  closing.serve(KEY);
  const client = await callerOf(closing);
  const stream = client.send("/slow", {}, at);
  await once(stream, "data");
  const ended = once(stream, "close");
  const before = performance.now();
  await closing.close();
  await ended;
  expect(performance.now() - before).toBeGreaterThanOrEqual(95);
  expect(performance.now() - before).toBeLessThan(3000);
  client.close();
});

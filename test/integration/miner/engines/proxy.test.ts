import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpClient } from "../../../../src/infra/http-client/client.js";
import type { EngineReply, EngineRequest } from "../../../../src/miner/engines/engine.js";
import { createProxyEngine } from "../../../../src/miner/engines/proxy.js";
import { type Cord, TEMPLATE_CORDS } from "../../../../src/wire/cords.js";
import { type FakeEngine, startFakeEngine } from "../../../fakes/openai-engine.js";

const MESSAGES = [{ role: "user", content: "hello" }];
let fake: FakeEngine;
const http = createHttpClient({ connectTimeoutMs: 2000, totalTimeoutMs: 5000 });
const now = () => new Date();

beforeAll(async () => {
  fake = await startFakeEngine("org/weights");
});
afterAll(async () => {
  await http.close();
  await fake.close();
});

const cord = (path: string): Cord => {
  const found = TEMPLATE_CORDS.vllm.find((candidate) => candidate.path === path);
  if (found === undefined) throw new Error(`no cord ${path}`);
  return found;
};

function ask(chuteName: string, request: Partial<EngineRequest> & { cord: Cord }): Promise<EngineReply> {
  const signal = new AbortController().signal;
  const engine = createProxyEngine({ engineUrl: `${fake.url}/v1/`, model: chuteName, http, now });
  return engine.handle({ body: {}, params: {}, signal, ...request });
}

async function textOf(reply: EngineReply): Promise<string> {
  if ("body" in reply) return Buffer.from(reply.body).toString("utf8");
  const chunks: Uint8Array[] = [];
  for await (const chunk of reply.stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

test("a chute with the engine's own model name gets its bytes unchanged", async () => {
  const body = { model: "org/weights", messages: MESSAGES, stream: true };
  const reply = await ask("org/weights", { cord: cord("/chat_stream"), body });
  expect(reply.contentType).toBe("text/event-stream; charset=utf-8");
  expect(await textOf(reply)).toBe(
    'data: {"id":"1","model": "org/weights","choices":[{"delta":{"content":"hé"}}]}\n\ndata: [DONE]\n\n',
  );
});

test("another chute name is translated both ways, but never inside generated text", async () => {
  const body = { model: "demo/chat", messages: MESSAGES };
  const reply = await ask("demo/chat", { cord: cord("/chat"), body });
  expect(fake.requests.at(-1)?.body).toEqual({ model: "org/weights", messages: MESSAGES });
  expect(JSON.parse(await textOf(reply))).toEqual({
    id: "chatcmpl-1",
    model: "demo/chat",
    choices: [{ message: { content: 'I am "model":"org/weights"' } }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
  });
  const streamed = await ask("demo/chat", { cord: cord("/chat_stream"), body: { ...body, stream: true } });
  expect(await textOf(streamed)).toContain('"model": "demo/chat"');
  const models = await ask("demo/chat", { cord: cord("/get_models") });
  expect(JSON.parse(await textOf(models)).data[0].id).toBe("demo/chat");
});

test("the engine's errors keep their status and body", async () => {
  const reply = await ask("org/weights", { cord: cord("/chat"), body: { model: "org/weights" } });
  expect([reply.status, await textOf(reply)]).toEqual([422, '{"error":{"message":"messages: field required"}}']);
});

test("the query reaches the engine", async () => {
  await ask("org/weights", { cord: cord("/do_tokenize"), body: { prompt: "x" }, params: { verbose: 1 } });
  expect(fake.requests.at(-1)).toEqual({ method: "POST", url: "/tokenize?verbose=1", body: { prompt: "x" } });
});

test("when the caller leaves, the engine's connection is closed", async () => {
  const gone = new AbortController();
  const body = { model: "org/weights", messages: [{ role: "user", content: "endless" }], stream: true };
  const reply = await ask("org/weights", { cord: cord("/chat_stream"), body, signal: gone.signal });
  const reading = textOf(reply);
  gone.abort();
  await expect(reading).rejects.toThrow();
  await expect.poll(() => fake.left).toBe(1);
});

test("an engine that is not there is a 503 without its address", async () => {
  const engine = createProxyEngine({ engineUrl: "http://127.0.0.1:9", model: "m", http, now });
  const reply = await engine.handle({
    cord: cord("/chat"),
    body: {},
    params: {},
    signal: new AbortController().signal,
  });
  expect(reply.status).toBe(503);
  expect(await textOf(reply)).not.toContain("127.0.0.1");
});

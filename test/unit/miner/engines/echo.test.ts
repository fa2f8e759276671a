import { expect, test } from "vitest";
import { createEchoEngine } from "../../../../src/miner/engines/echo.js";
import type { EngineReply } from "../../../../src/miner/engines/engine.js";
import { type Cord, TEMPLATE_CORDS } from "../../../../src/wire/cords.js";

const NOW = new Date("2025-10-09T08:53:20Z");
const MODEL = "demo/echo";
const CORDS = new Map([...TEMPLATE_CORDS.vllm, ...TEMPLATE_CORDS.embedding].map((cord) => [cord.path, cord]));
const prompt = (content: unknown) => ({ model: MODEL, messages: [{ role: "user", content }] });

function cordOf(path: string, changes: Partial<Cord> = {}): Cord {
  const base = CORDS.get(path) ?? CORDS.get("/chat");
  if (base === undefined) throw new Error("the templates have no chat");
  return { ...base, path, function: path.slice(1), ...changes };
}

function ask(cord: Cord, body: unknown, options: { tokensPerSecond?: number; signal?: AbortSignal } = {}) {
  const { tokensPerSecond, signal = new AbortController().signal } = options;
  const engine = createEchoEngine({ model: MODEL, now: () => NOW, tokensPerSecond });
  return engine.handle({ cord, body, params: {}, signal });
}

const call = (path: string, body: unknown) => ask(cordOf(path), body);

function jsonOf(reply: EngineReply) {
  if (!("body" in reply)) throw new Error("the reply is a stream");
  return JSON.parse(Buffer.from(reply.body).toString("utf8"));
}

async function eventsOf(reply: EngineReply) {
  if (!("stream" in reply)) throw new Error("the reply is no stream");
  let text = "";
  for await (const chunk of reply.stream) text += Buffer.from(chunk).toString("utf8");
  const events = text.split("\n\n").filter((event) => event !== "");
  expect(events.every((event) => event.startsWith("data: "))).toBe(true);
  return events.map((event) => event.slice("data: ".length));
}

test("the same prompt gets the same answer: its own words", async () => {
  const first = jsonOf(await call("/chat", prompt("to be or\nnot")));
  expect(first).toEqual(jsonOf(await call("/chat", prompt("to be or\nnot"))));
  expect(first).toMatchObject({
    object: "chat.completion",
    created: 1_760_000_000,
    model: MODEL,
    choices: [{ index: 0, message: { role: "assistant", content: "to be or not" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 },
  });
});

test("the last user message is answered, all messages are counted", async () => {
  const messages = [
    { role: "system", content: "be brief" },
    {
      role: "user",
      content: [
        { type: "text", text: "one two" },
        { type: "image_url", image_url: { url: "data:," } },
      ],
    },
    { role: "assistant", content: null },
  ];
  const answer = jsonOf(await call("/chat", { model: MODEL, messages }));
  expect(answer.choices[0].message.content).toBe("one two");
  expect(answer.usage.prompt_tokens).toBe(4);
});

test.each([
  [{ max_tokens: 2 }, "a b", "length"],
  [{ max_completion_tokens: 2, max_tokens: 9 }, "a b", "length"],
  [{ max_tokens: 3 }, "a b c", "stop"],
  [{ max_tokens: 5, ignore_eos: true }, "a b c a b", "length"],
  [{ min_tokens: 4 }, "a b c a", "stop"],
  [{ max_tokens: null, n: 1, temperature: 0.2 }, "a b c", "stop"],
])("%o limits the answer", async (limits, text, finish) => {
  const [choice] = jsonOf(await call("/chat", { ...prompt("a b c"), ...limits })).choices;
  expect([choice.message.content, choice.finish_reason]).toEqual([text, finish]);
});

test("a stream opens with the role, sends one word a chunk, then usage and the end mark", async () => {
  const body = {
    ...prompt("a b"),
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  const events = await eventsOf(await call("/chat_stream", body));
  expect(events.at(-1)).toBe("[DONE]");
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
  expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
    { role: "assistant", content: "" },
    { content: "a" },
    { content: " b" },
    undefined,
  ]);
  expect(chunks.map((chunk) => chunk.usage.completion_tokens)).toEqual([0, 1, 2, 2]);
  expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([null, null, "stop", undefined]);
});

test("without stream options a stream carries no usage", async () => {
  const events = await eventsOf(await call("/chat_stream", prompt("a b")));
  expect(events.join("")).not.toContain("usage");
});

test("completions answer text, whole and streamed", async () => {
  const whole = jsonOf(await call("/completion", { model: MODEL, prompt: ["x y"] }));
  expect(whole).toMatchObject({ object: "text_completion", choices: [{ text: "x y", finish_reason: "stop" }] });
  const events = await eventsOf(await call("/completion_stream", { model: MODEL, prompt: [7, 8], stream: true }));
  expect(events.slice(0, -1).map((event) => JSON.parse(event).choices[0].text)).toEqual(["7", " 8"]);
});

test("models are listed under the chute's name", async () => {
  expect(jsonOf(await call("/get_models", {})).data).toMatchObject([{ id: MODEL, object: "model", owned_by: "echo" }]);
});

test("embeddings are unit vectors that lie closer the more words two texts share", async () => {
  const body = { model: MODEL, input: ["red green", "Green blue", "black white"], dimensions: 1024 };
  const answer = jsonOf(await call("/embed", body));
  const vectors: number[][] = answer.data.map((entry: { embedding: number[] }) => entry.embedding);
  const dot = (a: number[] = [], b: number[] = []) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  expect(vectors.map((vector) => vector.length)).toEqual([1024, 1024, 1024]);
  expect(dot(vectors[0], vectors[0])).toBeCloseTo(1, 5);
  expect(dot(vectors[0], vectors[1])).toBeGreaterThan(dot(vectors[0], vectors[2]) + 0.3);
  expect(answer.usage).toEqual({ prompt_tokens: 6, total_tokens: 6 });
});

test("base64 embeddings hold the same little-endian floats", async () => {
  const floats = jsonOf(await call("/embed", { input: [1, 2], dimensions: 8 })).data[0].embedding;
  const answer = jsonOf(await call("/embed", { input: [1, 2], dimensions: 8, encoding_format: "base64" }));
  const bytes = Buffer.from(answer.data[0].embedding, "base64");
  expect(floats.map((_: number, index: number) => bytes.readFloatLE(index * 4))).toEqual(floats);
});

test.each([
  ["/chat", [], 400],
  ["/chat", { messages: [] }, 400],
  ["/chat", { messages: [{ role: "user", content: 5 }] }, 400],
  ["/chat", { ...prompt("a"), max_tokens: 0 }, 400],
  ["/chat", { ...prompt("a"), n: 2 }, 400],
  ["/chat", { ...prompt("a"), model: "other" }, 404],
  ["/completion", { prompt: ["a", "b"] }, 400],
  ["/embed", { input: "" }, 400],
  ["/do_tokenize", { prompt: "a" }, 404],
])("%s of %o is refused as engines do", async (path, body, status) => {
  const reply = await call(path, body);
  expect(reply.status).toBe(status);
  expect(jsonOf(reply).error).toMatchObject({ message: expect.any(String), code: status });
});

test("the token rate is kept, and the answer ends when the caller leaves", async () => {
  const before = performance.now();
  await eventsOf(await ask(cordOf("/chat_stream"), prompt("a b c d e f g h i j"), { tokensPerSecond: 100 }));
  expect(performance.now() - before).toBeGreaterThanOrEqual(98);
  const gone = new AbortController();
  const endless = { ...prompt("a"), ignore_eos: true, max_tokens: 100_000 };
  const reply = await ask(cordOf("/chat_stream"), endless, { tokensPerSecond: 1000, signal: gone.signal });
  setTimeout(() => gone.abort(), 20);
  expect((await eventsOf(reply)).length).toBeLessThan(1000);
});

test("an unpaced stream leaves room for others", async () => {
  const endless = { ...prompt("a"), ignore_eos: true, max_tokens: 20_000 };
  const reading = ask(cordOf("/chat_stream"), endless).then(eventsOf);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await reading;
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});

const own = { passthrough: false, public_api_path: null, output_content_type: null };

test("a chute's own function is told back with its arguments", async () => {
  const seed = 12_345_678_901_234_567_890n;
  const reply = await ask(cordOf("/hello", own), { seed });
  expect("body" in reply && Buffer.from(reply.body).toString()).toBe(
    `{"function":"hello","path":"/hello","echo":{"seed":${seed}}}`,
  );
  const text = await ask(cordOf("/hello", { ...own, output_content_type: "text/plain" }), { a: 1 });
  expect([text.contentType, jsonOf(text).echo]).toEqual(["text/plain", { a: 1 }]);
  const events = await eventsOf(await ask(cordOf("/hello", { ...own, stream: true }), { a: 1, b: 2 }));
  expect(events).toEqual(['{"function":"hello","path":"/hello"}', '{"echo":{"a":1}}', '{"echo":{"b":2}}', "[DONE]"]);
});

test("a picture is a JPEG of the asked size, other media are refused", async () => {
  const picture = { ...own, output_content_type: "image/jpeg" };
  const reply = await ask(cordOf("/generate", picture), { prompt: "a cat", width: 640, height: 130 });
  if (!("body" in reply)) throw new Error("the reply is a stream");
  const bytes = Buffer.from(reply.body);
  expect(bytes.subarray(0, 2).toString("hex") + bytes.subarray(-2).toString("hex")).toBe("ffd8ffd9");
  const frame = bytes.indexOf(Buffer.from("ffc0", "hex"));
  expect([bytes.readUInt16BE(frame + 5), bytes.readUInt16BE(frame + 7)]).toEqual([130, 640]);
  const scan = bytes.subarray(bytes.indexOf(Buffer.from("ffda", "hex")) + 10, -2);
  expect(scan.length).toBe((80 * 17 * 2) / 8);
  expect((await ask(cordOf("/speak", { ...own, output_content_type: "audio/wav" }), {})).status).toBe(422);
});

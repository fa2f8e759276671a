import { expect, test } from "vitest";
import type { Chute } from "../../../../src/domain/chutes/chute.js";
import { selectCord } from "../../../../src/domain/invocations/cord-selection.js";
import { prepareCall, prepareSdkCall } from "../../../../src/domain/invocations/prepared-call.js";
import { shapeAggregateBody } from "../../../../src/domain/invocations/vllm-body.js";
import { type Cord, TEMPLATE_CORDS } from "../../../../src/wire/cords.js";

const CHAT = "/v1/chat/completions";
const chuteOf = (changes: Partial<Chute>) =>
  ({ name: "org/model", standardTemplate: null, cords: [], ...changes }) as Chute;
const LLM = chuteOf({ standardTemplate: "vllm", cords: TEMPLATE_CORDS.vllm });
const cord = (changes: Partial<Cord>): Cord => ({
  method: "POST",
  path: "/f",
  function: "f",
  stream: false,
  passthrough: false,
  public_api_path: "/f",
  public_api_method: "POST",
  input_schema: {},
  output_schema: {},
  output_content_type: null,
  minimal_input_schema: {},
  ...changes,
});
const post = (path: string, body: Record<string, unknown> = {}, query: Record<string, string> = {}) => ({
  method: "POST",
  path,
  body,
  query,
});
const sent = (payload: Buffer): unknown => JSON.parse(payload.toString("utf8"));

test.each([
  [true, "chat_stream"],
  [false, "chat"],
  [undefined, "chat"],
  [null, "chat"],
  ["true", "chat_stream"],
  ["1", "chat_stream"],
  ["false", "chat"],
  [1, "chat_stream"],
  [0, "chat"],
])("04 §4.2: stream %j means %s", (stream, name) => {
  expect(selectCord(LLM, post(CHAT, { stream }))?.function).toBe(name);
});

test("04 §4.2: the query decides where the body says nothing", () => {
  expect(selectCord(LLM, post(CHAT, {}, { stream: "true" }))?.function).toBe("chat_stream");
  expect(selectCord(LLM, post(CHAT, { stream: false }, { stream: "true" }))?.function).toBe("chat");
});

test("04 §4.2: what is neither yes nor no matches nothing", () => {
  expect(selectCord(LLM, post(CHAT, { stream: "maybe" }))).toBeUndefined();
  expect(selectCord(LLM, post(CHAT, { stream: {} }))).toBeUndefined();
});

test("04 §4.2: method and path both count, and the first function wins", () => {
  const first = cord({ path: "/a", public_api_path: "/x", public_api_method: null });
  const chute = chuteOf({ cords: [first, cord({ path: "/b", public_api_path: "/x" })] });
  expect(selectCord(chute, post("/x"))).toBe(first);
  expect(selectCord(chute, { ...post("/x"), method: "GET" })).toBeUndefined();
  expect(selectCord(chute, post("/y"))).toBeUndefined();
});

test("04 §4.2: without a language template a streaming function streams whatever was asked", () => {
  const stream = cord({ stream: true });
  expect(prepareCall(chuteOf({ cords: [stream] }), post("/f", { stream: false })).cord).toBe(stream);
});

test("04 §4.3: a streamed language call always reports usage, under the chute's own model name", () => {
  const { payload, measuredBy, promptEstimate } = prepareCall(
    LLM,
    post(CHAT, { model: "x", stream: "1", logprobs: true }),
  );
  const body = {
    model: "org/model",
    stream: true,
    logprobs: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
    top_logprobs: 1,
  };
  expect(sent(payload)).toEqual({ json: body, params: {} });
  expect([measuredBy, promptEstimate]).toEqual(["tokens", Math.floor(JSON.stringify(body).length / 4)]);
});

test("04 §4.3: a whole language call is not told to stream", () => {
  const { payload } = prepareCall(LLM, post(CHAT, { stream: false, top_logprobs: 3, logprobs: true }));
  expect(sent(payload)).toEqual({
    json: { stream: false, top_logprobs: 3, logprobs: true, model: "org/model" },
    params: {},
  });
});

test("04 §4.3: arguments of a tool call must be JSON", () => {
  const call = (text: string) => [{ role: "assistant", tool_calls: [{ function: { arguments: text } }] }];
  const { payload } = prepareCall(LLM, post(CHAT, { messages: call("") }));
  expect(sent(payload)).toMatchObject({ json: { messages: call("null") } });
  expect(() => prepareCall(LLM, post(CHAT, { messages: call("{oops") }))).toThrow("must be JSON");
});

test("64-bit integers reach the engine unchanged", () => {
  const { payload } = prepareCall(LLM, post(CHAT, { seed: 12345678901234567890n }));
  expect(payload.toString("utf8")).toContain('"seed":12345678901234567890');
});

test("04 §4.5: query parameters go along to engines, other functions get the body alone", () => {
  const embedding = chuteOf({ standardTemplate: "embedding", cords: TEMPLATE_CORDS.embedding });
  const passed = prepareCall(embedding, post("/v1/embeddings", { input: "x" }, { a: "1" }));
  expect([sent(passed.payload), passed.measuredBy]).toEqual([{ json: { input: "x" }, params: { a: "1" } }, "time"]);
  const plain = prepareCall(chuteOf({ cords: [cord({})] }), post("/f", { x: 1 }, { a: "1" }));
  expect(sent(plain.payload)).toEqual({ x: 1 });
});

test("an engine's model list is asked for without a body of ours", () => {
  const { payload, measuredBy } = prepareCall(LLM, { method: "GET", path: "/v1/models", body: {}, query: {} });
  expect([sent(payload), measuredBy]).toEqual([{ json: {}, params: {} }, "time"]);
});

const DIFFUSION = chuteOf({
  standardTemplate: "diffusion",
  cords: [cord({ path: "/generate", public_api_path: "/generate" })],
});

test("04 §4.3: an image request loses what is not its own and too many steps", () => {
  const { payload, steps, measuredBy } = prepareCall(
    DIFFUSION,
    post("/generate", { prompt: "a cat", model: "m", cord: "c", method: "x", num_inference_steps: "70", seed: null }),
  );
  expect(sent(payload)).toEqual({ prompt: "a cat", num_inference_steps: 50, seed: null });
  expect([steps, measuredBy]).toEqual([50, "steps"]);
  expect(prepareCall(DIFFUSION, post("/generate", { prompt: "a cat" })).steps).toBe(25);
});

test.each([
  [{}, "prompt"],
  [{ prompt: "x", height: 64 }, "height"],
  [{ prompt: "x", guidance_scale: 0.5 }, "guidance_scale"],
  [{ prompt: "x", seed: 2 ** 32 }, "seed"],
  [{ prompt: "x", seed: -1 }, "seed"],
  [{ prompt: "x", num_inference_steps: 0 }, "num_inference_steps"],
  [{ prompt: "x", surprise: 1 }, "surprise"],
])("04 §4.3: the image request %j is refused for its %s", (body, member) => {
  expect(() => prepareCall(DIFFUSION, post("/generate", body))).toThrow(expect.objectContaining({ kind: "invalid" }));
  expect(() => prepareCall(DIFFUSION, post("/generate", body))).toThrow(member);
});

test("04 §4.1: shared hosts choose tools and thinking for the caller", () => {
  expect(shapeAggregateBody({ model: "m", tools: [] }, false)).toEqual({ model: "m", tools: [], tool_choice: "auto" });
  expect(shapeAggregateBody({ model: "m", tools: [], tool_choice: "none" }, false)["tool_choice"]).toBe("none");
  const thinking = { thinking: true, enable_thinking: true };
  expect(shapeAggregateBody({ model: "m:THINKING", chat_template_kwargs: { a: 1 } }, false)).toEqual({
    model: "m",
    chat_template_kwargs: { a: 1, ...thinking },
  });
  expect(shapeAggregateBody({ model: "m" }, true)).toEqual({ model: "m", chat_template_kwargs: thinking });
});

test("04 §1.3: only a body of exactly two texts on an internal path is a remote call", () => {
  const chute = chuteOf({ cords: [cord({ path: "/inner" })] });
  const texts = { args: "", kwargs: "" };
  expect(prepareSdkCall(chute, { path: "/f", body: texts })).toBeUndefined();
  expect(prepareSdkCall(chute, { path: "/inner", body: { ...texts, more: 1 } })).toBeUndefined();
  expect(prepareSdkCall(chute, { path: "/inner", body: { args: "", kwargs: {} } })).toBeUndefined();
});

test("04 §1.3: remote calls of a language function are shaped like public ones", () => {
  // gzipped pickles of () and {"json": {"model": "x", "messages": []}, "params": {"a": "1"}}
  const call = {
    args: "H4sIAAAAAAACA2tg0dQDAN9ThFMEAAAA",
    kwargs:
      "H4sIAAAAAAACA2tgmWrLAAG1UzR6WLKK8/OmgFisufkpqTlTehgrpvRw5KYWFyempxZPiZ1S2sNWkFiUmFsMVNXDmAjEhlOKS/UA59jUgEgAAAA=",
  };
  const prepared = prepareSdkCall(LLM, { path: "/chat", body: call });
  expect(sent(prepared?.payload ?? Buffer.of())).toEqual({
    json: { model: "org/model", messages: [] },
    params: { a: "1" },
  });
  expect(prepared?.measuredBy).toBe("tokens");
});

test("04 §5.4: long prompts of language calls have prefixes, others none", () => {
  const long = { prompt: "a".repeat(5000) };
  expect(prepareCall(LLM, post("/v1/completions", long)).prefixes).toHaveLength(3);
  expect(prepareCall(chuteOf({ cords: [cord({})] }), post("/f", long)).prefixes).toEqual([]);
});

import { expect, test } from "vitest";
import { countAnswer, estimatePromptTokens, StreamMeter } from "../../../../src/domain/invocations/llm-meter.js";

const line = (event: unknown) => Buffer.from(`data: ${JSON.stringify(event)}\n`);
const content = (text: string, usage?: unknown) =>
  line({ choices: [{ delta: { content: text } }], ...(usage !== undefined && { usage }) });
const usage = (prompt: number, completion: number, cached?: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
});

test("four bytes are a token", () => {
  expect([estimatePromptTokens(0), estimatePromptTokens(3), estimatePromptTokens(4_001)]).toEqual([0, 0, 1000]);
});

test("the first chunk with content sets the time to the first token", () => {
  const meter = new StreamMeter(10);
  meter.count(content(""), 0.1);
  meter.count(Buffer.from("\n"), 0.2);
  meter.count(content("a"), 0.3);
  meter.count(content("b"), 0.4);
  meter.count(Buffer.from("data: [DONE]\n"), 0.5);
  expect(meter.read()).toMatchObject({ chunks: 2, ttftSeconds: 0.3, output: 2, input: 10 });
});

test("the latest usage counts, whatever null usage follows", () => {
  const meter = new StreamMeter(100);
  meter.count(content("a", usage(120, 1)), 0.1);
  meter.count(content("b", usage(120, 2, 64)), 0.2);
  meter.count(content("c", null), 0.3);
  expect(meter.read()).toEqual({
    input: 120,
    cached: 64,
    output: 2,
    chunks: 3,
    ttftSeconds: 0.1,
    isClaimRejected: false,
  });
});

test.each([
  { what: "fifty times the estimate", prompt: 500, completion: 50, input: 500, output: 50, isClaimRejected: false },
  { what: "more prompt than that", prompt: 501, completion: 50, input: 10, output: 50, isClaimRejected: true },
  { what: "more completion than that", prompt: 500, completion: 51, input: 500, output: 1, isClaimRejected: true },
  { what: "nonsense", prompt: -1, completion: 1.5, input: 10, output: 1, isClaimRejected: false },
])("a claim of $what", ({ what: _, prompt, completion, ...expected }) => {
  const meter = new StreamMeter(10);
  meter.count(content("a", usage(prompt, completion)), 0.1);
  expect(meter.read()).toMatchObject(expected);
});

test("no more tokens are cached than were sent", () => {
  expect(countAnswer({ choices: [], usage: usage(10, 0, 99) }, 10)).toMatchObject({ input: 10, cached: 10 });
});

test("an answer without usage cannot be counted", () => {
  expect(countAnswer({ choices: [] }, 10)).toBeUndefined();
  expect(countAnswer({ choices: [], usage: null }, 10)).toBeUndefined();
  expect(countAnswer("text", 10)).toBeUndefined();
});

test("a whole answer's claim is held against its text, thoughts included", () => {
  const message = { content: "x".repeat(40), reasoning_content: "y".repeat(40) };
  const claim = (completion: number) => countAnswer({ choices: [{ message }], usage: usage(10, completion) }, 10);
  expect(claim(1000)).toMatchObject({ output: 1000, chunks: 1000, ttftSeconds: null });
  expect(claim(1001)).toMatchObject({ output: 20, isClaimRejected: true });
  expect(countAnswer({ choices: [{ text: "z".repeat(8) }], usage: usage(1, 101) }, 1)).toMatchObject({ output: 2 });
});

test("an event that is not JSON is counted but says nothing", () => {
  const meter = new StreamMeter(10);
  meter.count(Buffer.from('data: {"usage": broken\n'), 0.1);
  expect(meter.read()).toMatchObject({ input: 10, output: 1, chunks: 1 });
});

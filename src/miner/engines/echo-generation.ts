import { setImmediate as nextTurn } from "node:timers/promises";
import { pause } from "../../kernel/lifecycle.js";
import type { EchoPlan } from "./echo-prompt.js";
import { type EngineReply, jsonReply } from "./engine.js";

/** Tokens between two turns of the event loop when no rate holds the engine back. */
const BURST = 32;
const DONE = "data: [DONE]\n\n";

/** The two dialects of text generation differ only in where the text stands. */
export interface Dialect {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** First choice of a stream, before any text. */
  readonly opening?: object;
  piece(text: string): object;
  whole(text: string): object;
}

export const CHAT: Dialect = {
  idPrefix: "chatcmpl-",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  opening: { delta: { role: "assistant", content: "" } },
  piece: (text) => ({ delta: { content: text } }),
  whole: (text) => ({ message: { role: "assistant", content: text } }),
};

export const COMPLETION: Dialect = {
  idPrefix: "cmpl-",
  object: "text_completion",
  chunkObject: "text_completion",
  piece: (text) => ({ text }),
  whole: (text) => ({ text }),
};

/** What all chunks of one answer share. */
export interface Answer {
  readonly dialect: Dialect;
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  /** Tokens a second; undefined for as fast as they can be written. */
  readonly tokensPerSecond: number | undefined;
  readonly signal: AbortSignal;
}

/** The finished answer, after as long as it would take to generate. */
export async function wholeAnswer(plan: EchoPlan, answer: Answer): Promise<EngineReply> {
  const { tokensPerSecond } = answer;
  if (tokensPerSecond !== undefined) await pause((plan.words.length / tokensPerSecond) * 1000, answer.signal);
  const { dialect, id, created, model } = answer;
  const choice = choiceOf(dialect.whole(plan.words.join(" ")), plan.finishReason);
  const usage = usageOf(plan, plan.words.length);
  return jsonReply({ id, object: dialect.object, created, model, choices: [choice], usage });
}

/** The answer as server-sent events, one a token, usage as the stream options ask. */
export function streamAnswer(plan: EchoPlan, answer: Answer): EngineReply {
  return { status: 200, contentType: "text/event-stream", stream: events(plan, answer) };
}

async function* events(plan: EchoPlan, answer: Answer): AsyncGenerator<Uint8Array> {
  const { dialect } = answer;
  const usageAt = (count: number) => (plan.continuousUsage ? { usage: usageOf(plan, count) } : {});
  if (dialect.opening !== undefined) yield chunk(answer, { choices: [choiceOf(dialect.opening, null)], ...usageAt(0) });
  const last = plan.words.length - 1;
  for await (const index of pacedIndexes(plan.words.length, answer)) {
    const text = `${index === 0 ? "" : " "}${plan.words[index] ?? ""}`;
    const finish = index === last ? plan.finishReason : null;
    yield chunk(answer, { choices: [choiceOf(dialect.piece(text), finish)], ...usageAt(index + 1) });
  }
  if (answer.signal.aborted) return;
  if (plan.includeUsage) yield chunk(answer, { choices: [], usage: usageOf(plan, plan.words.length) });
  yield Buffer.from(DONE);
}

/** Counts at the token rate. Times are absolute, so that late timers do not add up. */
async function* pacedIndexes(count: number, { tokensPerSecond, signal }: Answer): AsyncGenerator<number> {
  const start = performance.now();
  for (let index = 0; index < count && !signal.aborted; index++) {
    if (tokensPerSecond !== undefined) {
      const due = start + ((index + 1) * 1000) / tokensPerSecond;
      await pause(Math.max(0, due - performance.now()), signal);
    } else if (index % BURST === BURST - 1) await nextTurn();
    if (!signal.aborted) yield index;
  }
}

function chunk({ dialect, id, created, model }: Answer, rest: object): Uint8Array {
  return Buffer.from(`data: ${JSON.stringify({ id, object: dialect.chunkObject, created, model, ...rest })}\n\n`);
}

function choiceOf(content: object, finishReason: string | null): object {
  return { index: 0, ...content, logprobs: null, finish_reason: finishReason };
}

function usageOf(plan: EchoPlan, completionTokens: number): object {
  return {
    prompt_tokens: plan.promptTokens,
    completion_tokens: completionTokens,
    total_tokens: plan.promptTokens + completionTokens,
    prompt_tokens_details: null,
  };
}

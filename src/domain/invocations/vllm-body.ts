import { AppError } from "../../kernel/errors.js";
import { parseJson } from "../../wire/json.js";

type Json = Record<string, unknown>;

/**
 * Body that the engine of a `vllm` chute gets: usage is always reported, also while a stream runs, and `model` is the name the
 * engine serves under. The given object is changed.
 * @throws AppError `invalid` when the arguments of a tool call are not JSON
 * @see protocol 04 §4.3
 */
export function shapeVllmBody(body: Json, wanted: { readonly model: string; readonly isStream: boolean }): Json {
  if (wanted.isStream) {
    const options = isObject(body["stream_options"]) ? body["stream_options"] : {};
    body["stream"] = true;
    body["stream_options"] = { ...options, include_usage: true, continuous_usage_stats: true };
  }
  if (body["logprobs"] && body["top_logprobs"] === undefined) body["top_logprobs"] = 1;
  body["model"] = wanted.model;
  if (Array.isArray(body["messages"])) body["messages"].forEach(checkToolCalls);
  return body;
}

/** What the shared hosts add before the chute is chosen. The given object is changed. @see protocol 04 §4.1 */
export function shapeAggregateBody(body: Json, wantsThinking: boolean): Json {
  if (body["tools"] !== undefined && body["tool_choice"] === undefined) body["tool_choice"] = "auto";
  const isSuffixed = typeof body["model"] === "string" && body["model"].endsWith(THINKING_SUFFIX);
  if (isSuffixed) body["model"] = String(body["model"]).slice(0, -THINKING_SUFFIX.length);
  if (isSuffixed || wantsThinking) {
    const kwargs = isObject(body["chat_template_kwargs"]) ? body["chat_template_kwargs"] : {};
    body["chat_template_kwargs"] = { ...kwargs, thinking: true, enable_thinking: true };
  }
  return body;
}

const THINKING_SUFFIX = ":THINKING";

function checkToolCalls(message: unknown): void {
  if (!isObject(message) || message["role"] !== "assistant" || !Array.isArray(message["tool_calls"])) return;
  for (const call of message["tool_calls"] as unknown[]) {
    const called = isObject(call) ? call["function"] : undefined;
    if (!isObject(called) || typeof called["arguments"] !== "string") continue;
    if (called["arguments"] === "") called["arguments"] = "null";
    else parseArguments(called["arguments"]);
  }
}

function parseArguments(text: string): void {
  try {
    parseJson(text);
  } catch (cause) {
    throw new AppError("invalid", "the arguments of a tool call must be JSON", { cause });
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

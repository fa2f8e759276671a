import { type Api, ApiError } from "./client.js";
import { detailText } from "./detail.js";
import { eventData } from "./sse.js";

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A piece of the answer, or at the end what the engine counted. */
export type ChatEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "usage"; readonly tokens: number };

export interface Chat {
  /** URL of the language-model host. */
  readonly llmUrl: string;
  /** Name or id of the chute. */
  readonly model: string;
  readonly messages: readonly Message[];
  readonly maxTokens: number;
  readonly temperature: number;
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
}

/** Streams one completion. @throws ApiError also for failures after the first piece */
export async function* streamChat(api: Api, chat: Chat, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const body = {
    model: chat.model,
    messages: chat.messages,
    max_tokens: chat.maxTokens,
    temperature: chat.temperature,
    stream: true,
    stream_options: { include_usage: true },
  };
  const answer = await api.open(`${chat.llmUrl}/v1/chat/completions`, { method: "POST", body, signal });
  if (answer.body === null) return;
  for await (const data of eventData(answer.body)) {
    if (data === "[DONE]") return;
    yield* eventsOf(JSON.parse(data));
  }
}

function* eventsOf(chunk: unknown): Generator<ChatEvent> {
  const failure = detailText(chunk);
  if (failure !== undefined) throw new ApiError(502, failure);
  const { choices, usage } = chunk as Chunk;
  const text = choices?.[0]?.delta?.content ?? "";
  if (text !== "") yield { kind: "text", text };
  if (usage?.completion_tokens !== undefined) yield { kind: "usage", tokens: usage.completion_tokens };
}

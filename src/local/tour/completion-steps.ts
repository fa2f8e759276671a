import { hostUrl } from "../../kernel/config/api-url.js";
import { expectThat, found, type TourState } from "./tour-state.js";

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

const MESSAGES = [{ role: "user", content: "Say these seven words back to me please" }];

/** A plain and a streamed completion through the shared LLM host. @see protocol 04 §4.1, §8 */
export async function completeThroughLlmHost(state: TourState): Promise<void> {
  await completeBothWays(state, hostUrl(state.config, "llm"));
}

/** The same through the chute's own host. */
export async function completeThroughSlugHost(state: TourState): Promise<void> {
  await completeBothWays(state, hostUrl(state.config, found(state.chute, "chute").slug));
}

async function completeBothWays(state: TourState, origin: string): Promise<void> {
  const plain = await complete(state, origin, { stream: false });
  const answer = JSON.parse(plain) as { usage?: Usage; choices?: { message?: { content?: string } }[] };
  const content = answer.choices?.[0]?.message?.content ?? "";
  expectThat(content.length > 0, `no content in ${plain.slice(0, 300)}`);
  expectUsage(answer.usage, plain);
  const stream = await complete(state, origin, { stream: true });
  const events = stream.split("\n").filter((line) => line.startsWith("data: "));
  expectThat(events.at(-1) === "data: [DONE]", `the stream ended with ${events.at(-1)}`);
  const chunks = events
    .slice(0, -1)
    .map((line) => JSON.parse(line.slice(6)) as { usage?: Usage | null; choices: { delta?: { content?: string } }[] });
  const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  expectThat(text === content, `streamed text ${JSON.stringify(text)} differs from ${JSON.stringify(content)}`);
  expectUsage(chunks.findLast((chunk) => chunk.usage)?.usage ?? undefined, stream);
}

async function complete(state: TourState, origin: string, { stream }: { stream: boolean }): Promise<string> {
  const answer = await state.http.request(`${origin}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: state.chuteName, messages: MESSAGES, stream }),
    headers: { "content-type": "application/json", authorization: `Bearer ${found(state.apiKey, "API key")}` },
    signal: state.signal,
  });
  const text = answer.body.toString();
  expectThat(answer.status === 200, `${origin} answered ${answer.status}: ${text.slice(0, 300)}`);
  const id = answer.headers["x-chutes-invocationid"];
  expectThat(typeof id === "string", "the answer has no X-Chutes-InvocationID");
  state.invocationIds.push(id);
  return text;
}

function expectUsage(usage: Usage | undefined, text: string): void {
  expectThat(
    (usage?.prompt_tokens ?? 0) > 0 && (usage?.completion_tokens ?? 0) > 0,
    `no usage in ${text.slice(0, 300)}`,
  );
}

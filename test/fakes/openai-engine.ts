import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Running } from "../../src/kernel/lifecycle.js";

export interface FakeEngine extends Running {
  readonly url: string;
  /** Requests as they arrived. */
  readonly requests: { method: string; url: string; body: Record<string, unknown> | undefined }[];
  /** Streams whose reader left before the end. */
  readonly left: number;
}

/**
 * An OpenAI-compatible server with one model: answers and streams fixed texts, refuses other models and bad bodies as such servers
 * do. A prompt that contains `endless` streams until the reader leaves.
 */
export async function startFakeEngine(model: string): Promise<FakeEngine> {
  const requests: FakeEngine["requests"] = [];
  let left = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const stream = async (response: ServerResponse, isEndless: boolean): Promise<void> => {
    response.once("close", () => {
      if (!response.writableFinished) left += 1;
    });
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    // Cut in the middle of a line, as networks do.
    response.write(`data: {"id":"1","mod`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.write(`el": "${model}","choices":[{"delta":{"content":"hé"}}]}\n\n`);
    while (isEndless && !response.destroyed) {
      response.write(": still here\n\n");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    response.end("data: [DONE]\n\n");
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await textOf(request);
    const body = text === "" ? undefined : (JSON.parse(text) as Record<string, unknown>);
    requests.push({ method: request.method ?? "", url: request.url ?? "", body });
    const json = (status: number, value: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (request.url === "/v1/models") return json(200, { object: "list", data: [{ id: model, object: "model" }] });
    if (request.url !== "/v1/chat/completions") return json(404, { error: { message: "no such path" } });
    if (body?.["model"] !== model) return json(404, { error: { message: `no model ${String(body?.["model"])}` } });
    if (!Array.isArray(body["messages"])) return json(422, { error: { message: "messages: field required" } });
    if (body["stream"] !== true) {
      const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
      return json(200, {
        id: "chatcmpl-1",
        model,
        choices: [{ message: { content: `I am "model":"${model}"` } }],
        usage,
      });
    }
    return stream(response, text.includes("endless"));
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get left() {
      return left;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

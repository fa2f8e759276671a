import type { ServerResponse } from "node:http";
import type { WholeAnswer } from "../../../infra/instances/instance-body.js";
import { stringifyJson } from "../../../wire/json.js";
import type { Answer, Refusal } from "./answer.js";
import { write } from "./back-pressure.js";
import { beginEvents, type Headers, sendBytes, sendJson } from "./http-answer.js";

/** Headers of a wrapped answer that may reach the client. */
const SAFE_HEADERS: ReadonlySet<string> = new Set(["content-disposition", "content-language", "cache-control"]);
const JSON_TYPE = "application/json";

/** The answer as the engine gave it. Its status is decided by the first content. @see protocol 04 §8.1, §8.2 */
export class PlainAnswer implements Answer {
  hasBegun = false;
  readonly #response: ServerResponse;
  readonly #headers: Headers;

  constructor(response: ServerResponse, headers: Headers) {
    this.#response = response;
    this.#headers = headers;
  }

  opened(): void {}
  attempting(): void {}
  failed(): void {}
  succeeded(): void {}

  lines(lines: readonly Buffer[]): Promise<void> | undefined {
    if (!this.hasBegun) beginEvents(this.#response, this.#headers);
    this.hasBegun = true;
    const [first] = lines;
    return write(this.#response, lines.length === 1 && first !== undefined ? first : Buffer.concat(lines));
  }

  whole(answer: WholeAnswer): void {
    const isJson = answer.kind === "json";
    const headers = isJson ? { "content-type": JSON_TYPE } : wrappedHeaders(answer);
    const status = isJson ? 200 : answer.status;
    sendBytes(this.#response, status, { body: answer.bytes, headers: { ...headers, ...this.#headers } });
    this.hasBegun = true;
  }

  end(): void {
    this.#response.end();
  }

  refuse({ status, detail }: Refusal): void {
    if (!this.hasBegun) {
      sendJson(this.#response, status, { body: { detail }, headers: this.#headers });
      return;
    }
    const message = typeof detail === "string" ? detail : "the answer broke off";
    const event = stringifyJson({ error: { message, type: "upstream_error" } });
    this.#response.end(`data: ${event}\n\n`);
  }
}

/** Type and safe headers of a function that built its own response. @see protocol 04 §8.1 */
export function wrappedHeaders(answer: Extract<WholeAnswer, { kind: "response" }>): Record<string, string> {
  const headers = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const type = answer.mediaType ?? headers.find(([name]) => name === "content-type")?.[1];
  return {
    "content-type": type !== undefined && isHeaderText(type) ? type : "application/octet-stream",
    ...Object.fromEntries(headers.filter(([name, value]) => SAFE_HEADERS.has(name) && isHeaderText(value))),
  };
}

function isHeaderText(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

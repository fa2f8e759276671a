import type { ServerResponse } from "node:http";
import type { WholeAnswer } from "../../../infra/instances/instance-body.js";
import { parseJson } from "../../../wire/json.js";
import {
  type TracedAttempt,
  type TracedCall,
  traceAttempt,
  traceError,
  traceFailure,
  traceResult,
  traceStart,
  traceSuccess,
} from "../../../wire/trace.js";
import type { Answer, Refusal } from "./answer.js";
import { write } from "./back-pressure.js";
import { beginEvents, type Headers, sendJson } from "./http-answer.js";
import { wrappedHeaders } from "./plain-answer.js";

export interface TraceOptions {
  readonly call: TracedCall;
  readonly headers: Headers;
  readonly now: () => Date;
}

/** Everything that happens to a call, as events. What the SDK's remote calls and auditors read. @see protocol 04 §8.3 */
export class TraceAnswer implements Answer {
  hasBegun = false;
  readonly #response: ServerResponse;
  readonly #options: TraceOptions;

  constructor(response: ServerResponse, options: TraceOptions) {
    this.#response = response;
    this.#options = options;
  }

  opened(candidates: number): void {
    beginEvents(this.#response, this.#options.headers);
    this.#send(traceStart(this.#options.call, candidates, this.#options.now()));
  }

  attempting(attempt: TracedAttempt): void {
    this.#send(traceAttempt(attempt, this.#options.now()));
  }

  failed(attempt: TracedAttempt, label: string): void {
    this.#send(traceFailure(attempt, label, this.#options.now()));
  }

  succeeded(attempt: TracedAttempt): void {
    this.#send(traceSuccess(attempt, this.#options.now()));
  }

  lines(lines: readonly Buffer[]): Promise<void> | undefined {
    this.hasBegun = true;
    return write(this.#response, lines.map((line) => traceResult(line.toString("utf8"))).join(""));
  }

  whole(answer: WholeAnswer): void {
    this.hasBegun = true;
    this.#send(traceResult(resultObject(answer)));
  }

  end(): void {
    this.#response.end();
  }

  refuse({ status, detail }: Refusal): void {
    if (!this.#response.headersSent) {
      sendJson(this.#response, status, { body: { detail }, headers: this.#options.headers });
      return;
    }
    this.#send(finalError(status, detail));
    this.#response.end();
  }

  /** Single events are small: only what an instance produces needs to wait for the client. */
  #send(events: string): void {
    if (!this.#response.destroyed) this.#response.write(events);
  }
}

function finalError(status: number, detail: unknown): string {
  if (status === 429) return traceError("infra_overload", detail);
  if (status >= 400 && status < 500) return traceError("bad_request", detail);
  return traceError(typeof detail === "string" ? detail : JSON.stringify(detail));
}

/** @see protocol 04 §7.1 */
function resultObject(answer: WholeAnswer): Record<string, unknown> {
  if (answer.kind === "json") return { content_type: "application/json", json: parseJson(answer.bytes) };
  return { content_type: wrappedHeaders(answer)["content-type"], bytes: answer.bytes.toString("base64") };
}

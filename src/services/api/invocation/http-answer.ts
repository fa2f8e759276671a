import type { ServerResponse } from "node:http";
import { AppError, HTTP_STATUS } from "../../../kernel/errors.js";
import type { Logger } from "../../../kernel/logger.js";
import { stringifyJson } from "../../../wire/json.js";

export type Headers = Readonly<Record<string, string>>;

/** What browsers may do on invocation hosts: anything a key allows, never with cookies. @see protocol 04 §2 */
const CORS: Headers = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "X-Chutes-InvocationID, X-Chutes-Quota-Total, X-Chutes-Quota-Used, X-Chutes-Quota-Remaining, X-Chutes-RL-User, X-Chutes-RL-Chute",
};

const PREFLIGHT: Headers = {
  ...CORS,
  "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
  "access-control-max-age": "86400",
};

const ALLOWED_HEADERS = ["authorization", "content-type", "x-enable-thinking", "x-tee-only"];

/** Answers a browser's question before it calls. `requested` is its list of headers. */
export function sendPreflight(response: ServerResponse, requested: string | undefined): void {
  const chutes = (requested ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^x-chutes-[a-z0-9-]+$/.test(name));
  response.writeHead(204, { ...PREFLIGHT, "access-control-allow-headers": [...ALLOWED_HEADERS, ...chutes].join(", ") });
  response.end();
}

/** Sends a whole answer. Does nothing when the client has left or an answer has begun. */
export function sendBytes(
  response: ServerResponse,
  status: number,
  what: { body: Buffer | string; headers: Headers },
): void {
  if (response.headersSent || response.destroyed) return;
  const sizeBytes = Buffer.byteLength(what.body);
  response.writeHead(status, { ...CORS, ...what.headers, "content-length": sizeBytes });
  response.end(what.body);
}

/** Sends JSON. */
export function sendJson(response: ServerResponse, status: number, what: { body: unknown; headers?: Headers }): void {
  const headers = { "content-type": "application/json", ...what.headers };
  sendBytes(response, status, { body: stringifyJson(what.body), headers });
}

/** Begins an event stream. @see protocol 04 §8.2 */
export function beginEvents(response: ServerResponse, headers: Headers): void {
  response.writeHead(200, {
    ...CORS,
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...headers,
  });
}

/** Answers anything that was thrown, as `{"detail"}`. */
export function sendError(response: ServerResponse, error: unknown, log: Logger): void {
  if (error instanceof AppError) {
    sendJson(response, HTTP_STATUS[error.kind], { body: { detail: error.detail }, headers: error.headers });
    return;
  }
  log.error({ err: error }, "unhandled error of an invocation");
  sendJson(response, 500, { body: { detail: "Internal server error" } });
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AppError, HTTP_STATUS } from "../kernel/errors.js";
import type { Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { type CallerRule, checkCallerHeaders, checkSignature } from "./instance-call.js";
import type { InstanceLog } from "./instance-log.js";

const LOG_FILE = "/tmp/_chute.log";
const DEFAULT_LINES = 100;
const MAX_LINES = 10_000;
const NO_BODY = new Uint8Array();

export interface LogServerOptions {
  readonly listenHost: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly callers: CallerRule;
  readonly output: InstanceLog;
  readonly log: Logger;
}

/** The log port of an instance: plain HTTP, signed calls, `/_alive` for everybody. @see protocol 05 §6.10, §11 */
export async function startLogServer(options: LogServerOptions): Promise<Running & { readonly port: number }> {
  const server = createServer((request, response) => {
    try {
      answer(options, request, response);
    } catch (error) {
      const status = error instanceof AppError ? HTTP_STATUS[error.kind] : 500;
      if (status === 500) options.log.error({ err: error }, "log request failed");
      sendJson(response, status, { detail: error instanceof AppError ? error.detail : "Internal server error" });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.listenHost, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer({ callers, output }: LogServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://instance");
  if (pathname === "/_alive") {
    sendJson(response, 200, { alive: true });
    return;
  }
  checkCallerHeaders(callers, request.headers);
  checkSignature(callers, request.headers, NO_BODY);
  switch (pathname) {
    case "/logs":
      sendJson(response, 200, { logs: [{ name: "current", path: LOG_FILE }] });
      return;
    case "/logs/read/current":
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
      response.end(output.tail(countOf(searchParams.get("lines"))).join("\n"));
      return;
    case "/logs/stream":
      stream(output, response, countOf(searchParams.get("backfill")));
      return;
    default:
      throw new AppError("not_found", "Not Found");
  }
}

/** A reader too slow to follow loses its connection, not the miner its memory. */
function stream(output: InstanceLog, response: ServerResponse, backfill: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  const send = (line: string) => {
    const hasRoom = response.write(`data: ${JSON.stringify({ log: line })}\n\n`);
    if (!hasRoom && response.writableLength > MAX_LINES * 100) response.destroy();
  };
  for (const line of output.tail(backfill)) send(line);
  response.once("close", output.follow(send));
}

function countOf(text: string | null): number {
  if (text === null) return DEFAULT_LINES;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > MAX_LINES)
    throw new AppError("invalid", `give a whole number from 0 to ${MAX_LINES}`);
  return count;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { AppError, HTTP_STATUS } from "../kernel/errors.js";
import { encryptBody, gzipFast } from "../wire/instance-cipher.js";
import type { StreamReply, WholeReply } from "./engines/engine.js";
import { LineSplitter } from "./line-splitter.js";

/** One server speaks HTTP/2 and HTTP/1.1; what is used of both is alike. */
export type InstanceRequest = IncomingMessage | Http2ServerRequest;
export type InstanceResponse = (ServerResponse | Http2ServerResponse) & {
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(chunk: Buffer): boolean;
  end(chunk?: string | Buffer): unknown;
};

const JSON_TYPE = "application/json";

/** Answers with a finished result or, in the clear, with the engine's error. @see protocol 04 §7.1, §7.2 */
export function sendWhole(
  response: InstanceResponse,
  reply: WholeReply,
  options: { key: Uint8Array; headers: Record<string, string> },
): void {
  const text =
    reply.status >= 400 ? `{"detail":${jsonTextOf(reply.body)}}` : JSON.stringify(sealed(options.key, reply));
  response.writeHead(reply.status, { ...options.headers, "content-type": JSON_TYPE });
  response.end(text);
}

/**
 * Answers with one encrypted line for each line of a passthrough stream, or for each item of any other. Waits for a slow
 * reader, stops when the signal aborts. @see protocol 04 §7.1
 */
export async function sendStream(
  response: InstanceResponse,
  reply: StreamReply,
  options: { key: Uint8Array; headers: Record<string, string>; isPassthrough: boolean; signal: AbortSignal },
): Promise<void> {
  response.writeHead(reply.status, { ...options.headers, "content-type": reply.contentType });
  const splitter = options.isPassthrough ? new LineSplitter() : undefined;
  for await (const chunk of reply.stream) {
    if (options.signal.aborted) return;
    const lines = sealedLines(options.key, splitter?.push(chunk) ?? [chunk]);
    if (lines.length > 0 && !response.write(lines)) await drained(response, options.signal);
  }
  response.end(sealedLines(options.key, splitter?.rest() ?? []));
}

/** Answers with `{"detail"}`; once a stream has begun, the only honest sign of failure is to break it off. @see protocol 04 §7.2 */
export function sendError(response: InstanceResponse, error: unknown, headers: Record<string, string>): void {
  if (response.headersSent) {
    breakOff(response);
    return;
  }
  const isOurs = error instanceof AppError;
  const detail = isOurs ? error.detail : "Internal server error";
  const extra = isOurs && error.kind === "rate_limited" ? { error: "RateLimitExceeded" } : {};
  response.writeHead(isOurs ? HTTP_STATUS[error.kind] : 500, { ...headers, "content-type": JSON_TYPE });
  response.end(JSON.stringify({ ...extra, detail }));
}

function sealed(key: Uint8Array, { status, contentType, body }: WholeReply): Record<string, unknown> {
  const secret = encryptBody(key, gzipFast(bufferOf(body)));
  if (contentType.startsWith(JSON_TYPE)) return { json: secret };
  return {
    type: "Response",
    status_code: status,
    headers: { "content-type": contentType },
    media_type: contentType,
    body: secret,
  };
}

function sealedLines(key: Uint8Array, lines: readonly Uint8Array[]): Buffer {
  let text = "";
  for (const line of lines) text += `${encryptBody(key, gzipFast(bufferOf(line)))}\n`;
  return Buffer.from(text, "latin1");
}

function drained(response: InstanceResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.removeListener("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.once("drain", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

function breakOff(response: InstanceResponse): void {
  if ("stream" in response && response.stream !== undefined) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

/** The engine's own error body as it is, or as a JSON string when it is not JSON. */
function jsonTextOf(body: Uint8Array): string {
  const text = bufferOf(body).toString("utf8");
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

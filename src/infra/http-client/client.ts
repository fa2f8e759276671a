import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request as send } from "undici";
import { AppError } from "../../kernel/errors.js";
import { localhostLookup } from "./localhost-lookup.js";

export interface HttpClientOptions {
  readonly connectTimeoutMs: number;
  /** From the call to the last byte of the answer. For `open` only to its headers. */
  readonly totalTimeoutMs: number;
  /** Find `*.localhost` on this machine; default false. */
  readonly lookupLocalhost?: boolean;
}

interface HttpRequest {
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Largest answer that is read; default 16 MiB. */
  readonly maxBytes?: number;
}

interface JsonRequest extends Omit<HttpRequest, "body"> {
  /** Sent as JSON. Use `request` when the exact bytes matter, as they do under a signature. */
  readonly json?: unknown;
}

export interface HttpAnswer<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Body;
}

/**
 * HTTP/1.1 to other machines. Any status is an answer, redirects are not followed.
 * Every method throws AppError `unavailable` when the peer cannot be reached, breaks off or takes too long, `aborted` on the
 * signal, `too_large` when the answer exceeds `maxBytes`, `invalid` for what is not an http(s) URL.
 */
export interface HttpClient {
  request(url: string, request?: HttpRequest): Promise<HttpAnswer<Buffer>>;
  /** Like `request`; also `unavailable` when the answer is not JSON. An empty body is undefined. */
  requestJson(url: string, request?: JsonRequest): Promise<HttpAnswer<unknown>>;
  /** Returns when the headers are in; the caller reads the body, which may stay open for as long as it talks, or destroys it. */
  open(url: string, request?: Omit<HttpRequest, "maxBytes">): Promise<HttpAnswer<Readable>>;
  /** Ends open connections. */
  close(): Promise<void>;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** Opens a client with its own connection pool. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { connectTimeoutMs, lookupLocalhost = false } = options;
  const lookup = lookupLocalhost ? { lookup: localhostLookup } : {};
  // Waiting is limited per call below; undici's own limits would cut a quiet stream.
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs, ...lookup },
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: 128,
  });
  const request = (url: string, what: HttpRequest = {}) => readWhole({ agent, options, url }, what);
  return {
    request,
    requestJson: async (url, { json, headers = {}, ...rest } = {}) => {
      const sent = json === undefined ? {} : { body: JSON.stringify(json) };
      const type = json === undefined ? {} : { "content-type": "application/json" };
      const answer = await request(url, {
        ...rest,
        ...sent,
        headers: { accept: "application/json", ...type, ...headers },
      });
      return { ...answer, body: parseBody(url, answer) };
    },
    open: (url, what = {}) => openAnswer({ agent, options, url }, what),
    close: () => agent.destroy(),
  };
}

interface Call {
  readonly agent: Agent;
  readonly options: HttpClientOptions;
  readonly url: string;
}

async function readWhole(call: Call, what: HttpRequest): Promise<HttpAnswer<Buffer>> {
  const timeout = AbortSignal.timeout(call.options.totalTimeoutMs);
  const signal = what.signal === undefined ? timeout : AbortSignal.any([timeout, what.signal]);
  try {
    const { statusCode, headers, body } = await dispatch(call, what, signal);
    return { status: statusCode, headers, body: await readBounded(call.url, body, what.maxBytes ?? DEFAULT_MAX_BYTES) };
  } catch (error) {
    throw translate(error, call, what.signal);
  }
}

/** The signal goes on to end the body, the timeout ends with the headers. */
async function openAnswer(call: Call, what: HttpRequest): Promise<HttpAnswer<Readable>> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException("no headers in time", "TimeoutError")),
    call.options.totalTimeoutMs,
  );
  const signal = what.signal === undefined ? late.signal : AbortSignal.any([late.signal, what.signal]);
  try {
    const { statusCode, headers, body } = await dispatch(call, what, signal);
    return { status: statusCode, headers, body };
  } catch (error) {
    throw translate(error, call, what.signal);
  } finally {
    clearTimeout(timer);
  }
}

function dispatch({ agent, url }: Call, { method, headers, body }: HttpRequest, signal: AbortSignal) {
  const sent = body === undefined ? {} : { body };
  return send(url, {
    dispatcher: agent,
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...headers },
    signal,
    ...sent,
  });
}

async function readBounded(url: string, body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new AppError("too_large", `${place(url)} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

function parseBody(url: string, { status, body }: HttpAnswer<Buffer>): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new AppError("unavailable", `${place(url)} answered ${status} with something that is not JSON`, { cause });
  }
}

function translate(cause: unknown, { url, options }: Call, signal: AbortSignal | undefined): unknown {
  if (cause instanceof AppError) return cause;
  if (signal?.aborted === true) return new AppError("aborted", `the request to ${place(url)} was stopped`, { cause });
  const { name, code, message } = cause as { name?: string; code?: string; message?: string };
  if (code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_URL") {
    return new AppError("invalid", `not an http(s) URL: ${place(url)}`, { cause });
  }
  const why =
    name === "TimeoutError" ? `no answer within ${options.totalTimeoutMs} ms` : message || code || "connection failed";
  return new AppError("unavailable", `${place(url)} cannot be reached: ${why}`, { cause });
}

/** A URL as messages may show it: without user, password and query. */
function place(url: string): string {
  if (!URL.canParse(url)) return JSON.stringify(url.slice(0, 100));
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

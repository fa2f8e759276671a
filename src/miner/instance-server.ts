import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { AppError } from "../kernel/errors.js";
import { pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { Cord } from "../wire/cords.js";
import { HEADER } from "../wire/headers.js";
import { decryptPath } from "../wire/instance-cipher.js";
import { stringifyJson } from "../wire/json.js";
import type { Engine } from "./engines/engine.js";
import { type InstanceRequest, type InstanceResponse, sendError, sendStream, sendWhole } from "./instance-answer.js";
import { type CallerRule, checkCallerHeaders, checkSignature, decodePayload, unwrapPayload } from "./instance-call.js";
import type { TlsMaterial } from "./tls-material.js";

const DEFAULT_MAX_BODY_BYTES = 256 * 1024 * 1024;
const DEFAULT_DRAIN_MS = 5000;
const PING_PATH = "/_ping";
const INTERNAL_PREFIX = "/_";
const MIN_STREAMS = 256;
const STREAMS_PER_SLOT = 8;
const WINDOW_BYTES = 1024 * 1024;
const CALLER_GONE = new AppError("aborted", "the caller has gone");

export interface InstanceServerOptions {
  readonly tls: Pick<TlsMaterial, "caCertPem" | "serverCertPem" | "serverKeyPem">;
  readonly listenHost: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly cords: readonly Cord[];
  readonly engine: Engine;
  /** Requests worked on at once; more are answered 429. */
  readonly concurrency: number;
  readonly callers: CallerRule;
  readonly log: Logger;
  readonly maxBodyBytes?: number;
  /** How long `close` waits for running requests, in milliseconds. */
  readonly drainMs?: number;
}

export interface InstanceServer extends Running {
  readonly port: number;
  /** Starts answering with the key that the launch agreed on; until then every request gets 503. */
  serve(sessionKey: Uint8Array): void;
}

interface Instance extends InstanceServerOptions {
  readonly running: Set<Promise<void>>;
  key: Uint8Array | undefined;
  used: number;
}

/**
 * The runtime of one instance: HTTPS with client certificates, encrypted paths and bodies, over HTTP/2 and HTTP/1.1. Listens at
 * once, because its port is part of the claim that yields its key. @see protocol 04 §6, §7
 */
export async function startInstanceServer(options: InstanceServerOptions): Promise<InstanceServer> {
  const instance: Instance = { ...options, running: new Set(), key: undefined, used: 0 };
  const server = createServer(instance);
  const connections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.listenHost, resolve);
  });
  let closing: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    serve(sessionKey) {
      instance.key = sessionKey;
    },
    close() {
      closing ??= closeServer(server, instance, connections);
      return closing;
    },
  };
}

function createServer(instance: Instance): Http2SecureServer {
  const { tls, concurrency, log } = instance;
  const server = createSecureServer({
    cert: tls.serverCertPem,
    key: tls.serverKeyPem,
    ca: tls.caCertPem,
    requestCert: true,
    rejectUnauthorized: true,
    allowHTTP1: true,
    settings: {
      maxConcurrentStreams: Math.max(MIN_STREAMS, STREAMS_PER_SLOT * concurrency),
      initialWindowSize: WINDOW_BYTES,
    },
  });
  server.on("request", (request, response) => {
    const work = respond(instance, request, response as InstanceResponse);
    instance.running.add(work);
    void work.finally(() => instance.running.delete(work));
  });
  server.on("sessionError", (error) => log.debug({ err: error }, "instance session failed"));
  server.on("tlsClientError", (error) => log.debug({ err: error }, "instance refused a TLS client"));
  return server;
}

/** Never rejects: whatever goes wrong becomes an answer or the end of the stream. */
async function respond(instance: Instance, request: InstanceRequest, response: InstanceResponse): Promise<void> {
  const gone = new AbortController();
  // Making the default reason, an exception with its stack, would cost more than the decryption of a small body.
  const leave = () => response.writableEnded || gone.abort(CALLER_GONE);
  response.once("close", leave);
  response.once("error", leave);
  try {
    await answer(instance, { request, response, signal: gone.signal });
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof AppError)) instance.log.error({ err: error }, "instance call failed");
    sendError(response, error, loadHeaders(instance));
  }
}

interface Exchange {
  readonly request: InstanceRequest;
  readonly response: InstanceResponse;
  readonly signal: AbortSignal;
}

/** Order: cheap refusals first, then the body, the signature, a slot, and only then decryption of the body. */
async function answer(instance: Instance, exchange: Exchange): Promise<void> {
  const { key, callers } = instance;
  const { request } = exchange;
  if (key === undefined) throw new AppError("unavailable", "the instance is starting");
  checkCallerHeaders(callers, request.headers);
  const path = decryptPath(key, request.url ?? "");
  if (path === undefined) throw new AppError("not_found", "Not Found");
  const body = await readBody(exchange, instance.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  checkSignature(callers, request.headers, body);
  if (path.startsWith(INTERNAL_PREFIX)) return answerInternal(instance, exchange, { key, path, body });
  const cord = instance.cords.find((candidate) => candidate.path === path);
  if (cord === undefined) throw new AppError("not_found", "Not Found");
  if (instance.used >= instance.concurrency) {
    throw new AppError("rate_limited", `the instance works on ${instance.concurrency} requests already`);
  }
  instance.used += 1;
  try {
    await callEngine(instance, exchange, { key, cord, body });
  } finally {
    instance.used -= 1;
  }
}

async function callEngine(
  instance: Instance,
  { response, signal }: Exchange,
  call: { key: Uint8Array; cord: Cord; body: Buffer },
): Promise<void> {
  const { key, cord } = call;
  const payload = decodePayload(key, call.body, instance.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  const unwrapped = unwrapPayload(payload, cord.passthrough);
  const reply = await instance.engine.handle({ cord, ...unwrapped, signal });
  if (signal.aborted) return;
  const headers = loadHeaders(instance);
  if ("body" in reply) sendWhole(response, reply, { key, headers });
  else await sendStream(response, reply, { key, headers, signal, isPassthrough: cord.passthrough });
}

/** Paths below `/_` are the platform's own and take no slot. @see protocol 04 §6.4 */
function answerInternal(
  instance: Instance,
  { response }: Exchange,
  { key, path, body }: { key: Uint8Array; path: string; body: Buffer },
): void {
  if (path !== PING_PATH) throw new AppError("not_found", "Not Found");
  const payload = decodePayload(key, body, instance.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  const reply = { status: 200, contentType: "application/json", body: Buffer.from(stringifyJson(payload)) };
  sendWhole(response, reply, { key, headers: {} });
}

function readBody({ request, signal }: Exchange, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) reject(new AppError("too_large", `a body holds ${maxBytes} bytes at most`));
      else chunks.push(chunk);
    });
    request.once("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once("error", reject);
    signal.addEventListener("abort", () => reject(CALLER_GONE), { once: true });
  });
}

/** What callers balance load by. @see protocol 04 §7.1 */
function loadHeaders({ used, concurrency }: Instance): Record<string, string> {
  return {
    [HEADER.connUsed]: String(used),
    [HEADER.connAvailable]: String(Math.max(0, concurrency - used)),
    [HEADER.connUtilization]: (used / concurrency).toFixed(4),
  };
}

interface Connections {
  readonly sessions: Set<ServerHttp2Session>;
  readonly sockets: Set<Socket>;
}

function trackConnections(server: Http2SecureServer): Connections {
  const connections: Connections = { sessions: new Set(), sockets: new Set() };
  server.on("session", (session) => {
    connections.sessions.add(session);
    session.once("close", () => connections.sessions.delete(session));
  });
  server.on("connection", (socket: Socket) => {
    connections.sockets.add(socket);
    socket.once("close", () => connections.sockets.delete(socket));
  });
  return connections;
}

async function closeServer(server: Http2SecureServer, instance: Instance, open: Connections): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of open.sessions) session.close();
  const enough = new AbortController();
  const idle = Promise.allSettled(instance.running).then(() => enough.abort());
  await Promise.race([idle, pause(instance.drainMs ?? DEFAULT_DRAIN_MS, enough.signal)]);
  for (const session of open.sessions) session.destroy();
  for (const socket of open.sockets) socket.destroy();
  await closed;
}

// Child of bench/gateway.ts: one engine, behind an instance's wire and in the open, so that both sides compare the same work.
import { randomBytes } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { newTlsMaterial } from "../src/miner/tls-material.js";
import { decryptBody, encryptBody, gunzipBounded, gzipFast } from "../src/wire/instance-cipher.js";

const FRAMES_PER_SECOND = 50;
const MODEL = "bench/model";
const key = randomBytes(32);

interface Chat {
  readonly stream?: boolean;
  readonly max_tokens?: number;
}

const WHOLE = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: 1_760_000_000,
    model: MODEL,
    choices: [{ index: 0, message: { role: "assistant", content: "word ".repeat(64) }, finish_reason: "stop" }],
    usage: { prompt_tokens: 24, completion_tokens: 64, total_tokens: 88 },
  }),
);

/** Each frame carries the moment it was made, so that the reader knows how long it travelled. */
function frame(number: number): Buffer {
  const sentAt = (performance.timeOrigin + performance.now()).toFixed(3);
  const usage = `{"prompt_tokens":24,"completion_tokens":${number},"total_tokens":${number + 24}}`;
  const delta = `{"index":0,"delta":{"content":"${sentAt}"},"finish_reason":null}`;
  return Buffer.from(`data: {"id":"chatcmpl-bench","model":"${MODEL}","choices":[${delta}],"usage":${usage}}\n\n`);
}

const DONE = Buffer.from("data: [DONE]\n\n");

/** Streams start at their own time, as users do; one timer each, as in an engine's loop. */
function produce(frames: number, out: { write(bytes: Buffer): void; end(): void; isGone(): boolean }): void {
  let made = 0;
  const timer = setInterval(() => {
    if (out.isGone()) return clearInterval(timer);
    made += 1;
    out.write(frame(made));
    if (made < frames) return;
    clearInterval(timer);
    out.write(DONE);
    out.end();
  }, 1000 / FRAMES_PER_SECOND);
}

function collect(stream: NodeJS.ReadableStream, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => done(Buffer.concat(chunks)));
}

const seal = (bytes: Buffer) => encryptBody(key, gzipFast(bytes));

function serveInstance(stream: ServerHttp2Stream, body: Buffer): void {
  const plain = gunzipBounded(decryptBody(key, body.toString("latin1")), 64 * 1024 * 1024);
  const { json } = JSON.parse(plain.toString("utf8")) as { json: Chat };
  const load = { "x-chutes-conn-used": "1", "x-chutes-conn-utilization": "0.0010" };
  if (json.stream !== true) {
    stream.respond({ ":status": 200, "content-type": "application/json", ...load });
    stream.end(`{"json":"${seal(WHOLE)}"}`);
    return;
  }
  stream.respond({ ":status": 200, "content-type": "text/event-stream", ...load });
  produce(json.max_tokens ?? 1, {
    write: (bytes) => stream.write(`${seal(bytes)}\n`),
    end: () => stream.end(),
    isGone: () => stream.destroyed,
  });
}

function serveEngine(response: ServerResponse, body: Buffer): void {
  const chat = JSON.parse(body.toString("utf8")) as Chat;
  if (chat.stream !== true) {
    response.writeHead(200, { "content-type": "application/json", "content-length": WHOLE.length });
    response.end(WHOLE);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  produce(chat.max_tokens ?? 1, {
    write: (bytes) => void response.write(bytes),
    end: () => void response.end(),
    isGone: () => response.destroyed,
  });
}

const configId = "00000000-0000-4000-8000-000000000001";
const tls = await newTlsMaterial({ configId, nonce: "00", now: new Date() });
const instance = createSecureServer({
  cert: tls.serverCertPem,
  key: tls.serverKeyPem,
  ca: tls.caCertPem,
  requestCert: true,
  rejectUnauthorized: true,
  settings: { maxConcurrentStreams: 2048 },
});
instance.on("stream", (stream) => {
  stream.on("error", () => undefined);
  collect(stream, (body) => serveInstance(stream, body));
});
instance.listen(0, "127.0.0.1");
const engine = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  collect(request, (body) => serveEngine(response, body));
});
engine.listen(0, "127.0.0.1", 1024);
await Promise.all([instance, engine].map((server) => new Promise((resolve) => server.once("listening", resolve))));
const commonName = `${configId}.int.chutes.dev`;
process.send?.({
  instancePort: (instance.address() as AddressInfo).port,
  enginePort: (engine.address() as AddressInfo).port,
  configId,
  transport: {
    sessionKeyHex: key.toString("hex"),
    tls: {
      commonName,
      certPem: tls.serverCertPem,
      caPem: tls.caCertPem,
      clientCertPem: tls.clientCertPem,
      clientKeyPem: tls.clientKeyPem,
    },
  },
});
process.on("disconnect", () => process.exit());

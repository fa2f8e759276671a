import { randomBytes, randomUUID, webcrypto } from "node:crypto";
import { once } from "node:events";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import * as x509 from "@peculiar/x509";
import { newTlsMaterial, type TlsMaterial } from "../../src/miner/tls-material.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { isFreshNonce, validatorMessage, verifyHotkeyMessage } from "../../src/wire/hotkey-signature.js";
import { decryptBody, decryptPath, encryptBody, gunzipBounded, gzipFast } from "../../src/wire/instance-cipher.js";
import type { InstanceTransport } from "../../src/wire/instance-transport.js";

/** What the instance does with one call. */
export type Behaviour =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "response"; readonly wrapped: Readonly<Record<string, unknown>>; readonly bytes: Buffer }
  | {
      readonly kind: "stream";
      readonly lines: Iterable<string | Buffer> | AsyncIterable<string | Buffer>;
      /** Waits until the caller has taken what was sent. */
      readonly respectsBackPressure?: boolean;
    }
  | { readonly kind: "status"; readonly status: number; readonly body: string }
  /** Some lines, then the connection is reset. */
  | { readonly kind: "break"; readonly lines: readonly string[] }
  /** 200 with a body that does not decrypt. */
  | { readonly kind: "garbage" }
  /** Never answers. */
  | { readonly kind: "hang" };

/** A call as the instance saw it. */
export interface SeenCall {
  /** Decrypted, without padding. */
  readonly path: string;
  /** Parsed plain JSON. */
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** When the caller reset the stream, milliseconds of `performance.now()`. */
  resetAt?: number;
}

export interface FakeInstanceOptions {
  readonly minerHotkey: string;
  readonly validatorHotkey: string;
  readonly behave: (call: SeenCall) => Behaviour;
  /** Default true: calls with a wrong or stale signature get 401. */
  readonly verifiesSignatures?: boolean;
  /** What it reports about its load. */
  readonly loadHeaders?: () => Readonly<Record<string, string>>;
  readonly now?: () => Date;
  /** Default true: the certificate carries its name a second time, where clients look first. */
  readonly hasAlternativeName?: boolean;
}

export interface FakeInstance {
  readonly port: number;
  readonly configId: string;
  /** What the platform must know to call it. */
  readonly transport: InstanceTransport;
  readonly calls: SeenCall[];
  /** Open connections. */
  connections(): number;
  /** Cuts all connections, as a network fault would. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** Oldest nonce an instance accepts. @see protocol 04 §6.2 */
const NONCE_SECONDS = 540;
const MAX_BYTES = 64 * 1024 * 1024;

/** A runtime's end of the wire: HTTP/2 with mutual TLS, ChaCha20 bodies and paths, scripted answers. @see protocol 04 §6, §7 */
export async function startFakeInstance(options: FakeInstanceOptions): Promise<FakeInstance> {
  const configId = randomUUID();
  const key = randomBytes(32);
  const material = await newTlsMaterial({ configId, nonce: "00", now: new Date() });
  const tls = options.hasAlternativeName === false ? { ...material, ...(await bareCertificate(configId)) } : material;
  const server = createSecureServer({
    cert: tls.serverCertPem,
    key: tls.serverKeyPem,
    ca: material.caCertPem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const calls: SeenCall[] = [];
  server.on("stream", (stream, headers) => {
    const text = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    stream.on("error", () => undefined);
    void serve({ ...options, key, calls }, stream, text).catch(() => stream.destroy());
  });
  server.on("sessionError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const dropConnections = () => {
    for (const session of sessions) session.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    configId,
    transport: {
      sessionKeyHex: key.toString("hex"),
      tls: {
        commonName: `${configId}.int.chutes.dev`,
        certPem: tls.serverCertPem,
        caPem: tls.caCertPem,
        clientCertPem: tls.clientCertPem,
        clientKeyPem: tls.clientKeyPem,
      },
    },
    calls,
    connections: () => sessions.size,
    dropConnections,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      dropConnections();
      await closed;
    },
  };
}

/** A self-signed certificate whose name stands in its subject alone, as some runtimes make them. */
async function bareCertificate(
  configId: string,
): Promise<Pick<TlsMaterial, "serverCertPem" | "serverKeyPem" | "caCertPem">> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${configId}.int.chutes.dev`,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const serverCertPem = certificate.toString("pem");
  const serverKeyPem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
  return { serverCertPem, serverKeyPem, caCertPem: serverCertPem };
}

interface Serving extends FakeInstanceOptions {
  readonly key: Buffer;
  readonly calls: SeenCall[];
}

async function serve(serving: Serving, stream: ServerHttp2Stream, headers: Record<string, string>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("latin1");
  const refusal = serving.verifiesSignatures === false ? undefined : refusalOf(serving, headers, body);
  if (refusal !== undefined) return answer(stream, { status: 401, body: JSON.stringify({ detail: refusal }) });
  const path = decryptPath(serving.key, headers[":path"] ?? "");
  if (path === undefined) return answer(stream, { status: 404, body: JSON.stringify({ detail: "Not Found" }) });
  const payload: unknown = JSON.parse(gunzipBounded(decryptBody(serving.key, body), MAX_BYTES).toString("utf8"));
  const call: SeenCall = { path, payload, headers };
  serving.calls.push(call);
  stream.once("close", () => {
    if (stream.rstCode !== 0) call.resetAt = performance.now();
  });
  await perform(serving, stream, serving.behave(call));
}

/** @see protocol 04 §6.2 */
function refusalOf(serving: Serving, headers: Record<string, string>, body: string): string | undefined {
  const now = serving.now?.() ?? new Date();
  const nonce = headers["x-chutes-nonce"] ?? "";
  const { minerHotkey: miner, validatorHotkey: validator } = serving;
  if (headers["x-chutes-miner"] !== miner || headers["x-chutes-validator"] !== validator) return "wrong names";
  if (!isFreshNonce(nonce, now, NONCE_SECONDS)) return "stale nonce";
  const message = validatorMessage({ miner, validator, nonce, third: sha256Hex(body) });
  const signatureHex = headers["x-chutes-signature"] ?? "";
  return verifyHotkeyMessage({ hotkey: validator, message, signatureHex }) ? undefined : "wrong signature";
}

async function perform(serving: Serving, stream: ServerHttp2Stream, behaviour: Behaviour): Promise<void> {
  const seal = (bytes: Buffer) => encryptBody(serving.key, gzipFast(bytes));
  const load = serving.loadHeaders?.() ?? {};
  const ok = (value: unknown) => answer(stream, { status: 200, body: JSON.stringify(value), load });
  switch (behaviour.kind) {
    case "json":
      return ok({ json: seal(Buffer.from(JSON.stringify(behaviour.value))) });
    case "response":
      return ok({ ...behaviour.wrapped, body: seal(behaviour.bytes) });
    case "status":
      return answer(stream, { status: behaviour.status, body: behaviour.body, load });
    case "garbage":
      return ok({ json: randomBytes(64).toString("base64") });
    case "hang":
      return;
    case "break":
      stream.respond({ ":status": 200, ...load });
      for (const line of behaviour.lines) stream.write(`${seal(Buffer.from(line))}\n`);
      // The lines must leave before the reset overtakes them.
      await delay(50);
      stream.session?.destroy();
      return;
    case "stream":
      stream.respond({ ":status": 200, "content-type": "text/event-stream", ...load });
      for await (const line of behaviour.lines) {
        if (!stream.writable) return;
        const isTaken = stream.write(`${seal(Buffer.from(line))}\n`);
        if (!isTaken && behaviour.respectsBackPressure === true) await once(stream, "drain");
      }
      if (stream.writable) stream.end();
  }
}

interface PlainAnswer {
  readonly status: number;
  readonly body: string;
  readonly load?: Readonly<Record<string, string>>;
}

function answer(stream: ServerHttp2Stream, { status, body, load }: PlainAnswer): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": status, "content-type": "application/json", ...load });
  stream.end(body);
}

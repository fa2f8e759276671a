import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { TlsMaterial } from "../../../src/miner/tls-material.js";
import { type Signed, validatorHeaders } from "../../../src/wire/headers.js";
import { decryptBody, encryptBody, encryptPath, gunzipBounded, gzipJson } from "../../../src/wire/instance-cipher.js";
import { type Keypair, keypairFromSeed } from "../../../src/wire/keypair.js";

export const MINER_SEED = "01".repeat(32);
export const VALIDATOR_SEED = "02".repeat(32);
const MAX_BYTES = 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface CallOptions {
  readonly now?: Date;
  /** Sent instead of the encrypted path. */
  readonly rawPath?: string;
  /** Sent instead of the encrypted payload. */
  readonly rawBody?: string;
  readonly headers?: Record<string, string>;
}

/** The platform's side of an instance's wire, for one instance. */
export class InstanceCaller {
  readonly #session: ClientHttp2Session;
  readonly #key: Uint8Array;
  readonly #validator: Keypair;
  readonly #miner: string;

  private constructor(session: ClientHttp2Session, key: Uint8Array) {
    this.#session = session;
    this.#key = key;
    this.#validator = keypairFromSeed(VALIDATOR_SEED);
    this.#miner = keypairFromSeed(MINER_SEED).address;
  }

  static async open(target: {
    port: number;
    tls: Pick<TlsMaterial, "caCertPem"> & Partial<TlsMaterial>;
    commonName: string;
    key: Uint8Array;
  }): Promise<InstanceCaller> {
    const { port, tls, commonName, key } = target;
    const session = connect(`https://127.0.0.1:${port}`, {
      servername: commonName,
      ca: tls.caCertPem,
      ...(tls.clientCertPem !== undefined && { cert: tls.clientCertPem, key: tls.clientKeyPem }),
    });
    await once(session, "connect");
    session.on("error", () => undefined);
    return new InstanceCaller(session, key);
  }

  /** Sends a call and returns its stream once the request is written. */
  send(path: string, payload: unknown, options: CallOptions = {}): ClientHttp2Stream {
    const body = options.rawBody ?? encryptBody(this.#key, gzipJson(payload));
    const what: Signed = body === "" ? { purpose: "chutes" } : { body };
    const stream = this.#session.request({
      ":method": "POST",
      ":path": options.rawPath ?? encryptPath(this.#key, path),
      "content-type": "text/plain; charset=utf-8",
      ...validatorHeaders(this.#validator, { miner: this.#miner, ...what }, options.now ?? new Date()),
      ...options.headers,
    });
    stream.on("error", () => undefined);
    stream.end(body);
    return stream;
  }

  async call(path: string, payload: unknown, options: CallOptions = {}): Promise<Answer> {
    const stream = this.send(path, payload, options);
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    let text = "";
    for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
    return { status: Number(headers[":status"]), headers, text };
  }

  /** Plain text of an encrypted line or member. */
  open(sealed: string): string {
    return gunzipBounded(decryptBody(this.#key, sealed), MAX_BYTES).toString("utf8");
  }

  /** Each line of a stream's text, decrypted. */
  lines(text: string): string[] {
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => this.open(line));
  }

  close(): void {
    this.#session.destroy();
  }
}

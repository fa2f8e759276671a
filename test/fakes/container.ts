import { generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { newCommitmentV4, signTlsCert } from "../../src/wire/commitment.js";
import { dummyDecrypt, dummyWorkProduct } from "../../src/wire/dummy-gpu.js";
import { parseJson, stringifyJson } from "../../src/wire/json.js";
import { unverifiedClaims } from "../../src/wire/jwt.js";
import { aesCbcEncrypt } from "../../src/wire/legacy-cipher.js";
import { deriveSessionKey, newX25519 } from "../../src/wire/session-key.js";

/** An answer of the platform; long integers of the body are bigint. */
export interface ContainerAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface ContainerOptions {
  /** Where the platform really listens: the token's own URL names its public host. */
  readonly baseUrl: string;
  readonly token: string;
  /** GPU uuids it sees. */
  readonly gpus: readonly string[];
  readonly port: number;
  readonly host?: string;
}

interface Challenge {
  readonly seed: bigint;
  readonly iterations: number;
  readonly ciphertext: string;
  readonly uuid: string;
  readonly plaintext: string;
}

/** A chute's container as the platform meets it at its start: each step is one call, to be scripted in any order. */
export class FakeContainer {
  readonly #options: ContainerOptions;
  readonly configId: string;
  readonly #path: string;
  readonly #runtimeKey: KeyObject = generateKeyPairSync("ed25519").privateKey;
  readonly #session = newX25519();
  #nonce: string | undefined;
  #challenge: Challenge | undefined;
  #validatorPublicHex: string | undefined;

  constructor(options: ContainerOptions) {
    const claims = unverifiedClaims(options.token) ?? {};
    this.#options = options;
    this.configId = String(claims["sub"]);
    this.#path = new URL(String(claims["url"])).pathname;
  }

  /** Fetches the nonce that everything is bound to. */
  async nonce(): Promise<ContainerAnswer> {
    const answer = await this.#call("GET", "/nonce");
    if (answer.status === 200) this.#nonce = answer.text;
    return answer;
  }

  /** What it says of itself; the channel's keys are bound to the nonce when one was fetched. */
  async offer(): Promise<Record<string, unknown>> {
    const { gpus, host = "127.0.0.1", port } = this.#options;
    const mapping = (internal: number, external: number) => ({
      proto: "TCP",
      internal_port: internal,
      external_port: external,
      default: true,
    });
    return {
      gpus: gpus.map((uuid) => ({ uuid, name: "ignored" })),
      host,
      port_mappings: [mapping(8000, port), mapping(8001, port + 1)],
      env: "opaque",
      ...(this.#nonce !== undefined && (await this.#channel(this.#nonce))),
    };
  }

  /** Claims the launch, with members of the offer replaced. */
  async claim(changes: Record<string, unknown> = {}): Promise<ContainerAnswer> {
    const answer = await this.#call("POST", "/graval", { ...(await this.offer()), ...changes });
    if (answer.status !== 200) return answer;
    const sealed = answer.json["symmetric_key"] as Record<string, string>;
    this.#challenge = {
      seed: BigInt(answer.json["seed"] as bigint | number),
      iterations: Number(answer.json["iterations"]),
      ciphertext: sealed["ciphertext"] ?? "",
      uuid: sealed["uuid"] ?? "",
      plaintext: sealed["response_plaintext"] ?? "",
    };
    this.#validatorPublicHex = answer.json["validator_pubkey"] as string | undefined;
    return answer;
  }

  /** The proof that its key was readable and that its GPUs worked. */
  proof(): Record<string, unknown> {
    const { seed, iterations, ciphertext, uuid, plaintext } = this.#challenge ?? never("claim first");
    const key = Buffer.from(dummyDecrypt({ seed, uuid, ciphertext }) ?? never("the key cannot be opened"), "hex");
    const iv = randomBytes(16);
    const work = this.#options.gpus.map((gpu) => [
      gpu,
      { work_product: dummyWorkProduct({ seed, uuid: gpu, iterations }) },
    ]);
    return {
      response: aesCbcEncrypt({ key, iv, plain: Buffer.from(plaintext) }).toString("base64"),
      iv: iv.toString("hex"),
      proof: Object.fromEntries(work),
    };
  }

  /** Proves, with members of the proof replaced. */
  verify(changes: Record<string, unknown> = {}): Promise<ContainerAnswer> {
    return this.#call("PUT", "/graval", { ...this.proof(), ...changes });
  }

  /** Says that it serves. */
  activate(): Promise<ContainerAnswer> {
    return this.#call("GET", "/activate");
  }

  /** Key that the platform will encrypt its calls with. */
  sessionKeyHex(): string {
    const validator = this.#validatorPublicHex ?? never("no session was derived");
    return deriveSessionKey({
      privateKey: this.#session.privateKey,
      peerPublicHex: validator,
      minerPublicHex: this.#session.publicKeyHex,
      validatorPublicHex: validator,
      nonceHex: this.#nonce ?? never("fetch the nonce first"),
    }).toString("hex");
  }

  async #channel(nonce: string): Promise<Record<string, unknown>> {
    const certPem = await certificate(`CN=${this.configId}.int.chutes.dev`);
    return {
      rint_commitment: newCommitmentV4({ privateKey: this.#runtimeKey, nonceHex: nonce, proofHex: "aa".repeat(32) }),
      rint_nonce: nonce,
      rint_pubkey: this.#session.publicKeyHex,
      tls_cert: certPem,
      tls_cert_sig: signTlsCert({ certPem, nonce, privateKey: this.#runtimeKey }),
    };
  }

  async #call(method: string, path: string, body?: Record<string, unknown>): Promise<ContainerAnswer> {
    const response = await fetch(`${this.#options.baseUrl}${this.#path}${path}`, {
      method,
      headers: {
        // As the SDK sends it: without a scheme.
        authorization: this.#options.token,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: stringifyJson(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: text.startsWith("{") ? (parseJson(text) as never) : {} };
  }
}

/** A self-signed certificate, PEM. */
export async function certificate(subject: string): Promise<string> {
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
  });
  return `${made.toString("pem")}\n`;
}

function never(message: string): never {
  throw new Error(message);
}

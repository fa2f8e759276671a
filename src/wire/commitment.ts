import { type KeyObject, sign, verify } from "node:crypto";
import { publicHexOf, publicKeyFromHex } from "./curve-keys.js";

const VERSION_4 = 4;
const SHAPE = /^(?:[0-9a-f]{2}){146}$/i;
/** version ‖ version ‖ public key (32) ‖ nonce (16) ‖ library proof (32) ‖ signature (64) */
const AT = { signed: 1, publicKey: 2, nonce: 34, proof: 50, signature: 82 } as const;

/** What an instance's runtime binds itself to; all hex. */
export interface CommitmentV4 {
  /** Ed25519 key, 64 digits: it also signs the instance's TLS certificate. */
  readonly publicKey: string;
  /** 32 digits: must be the nonce that was handed out for the launch. */
  readonly nonce: string;
  /** 64 digits: opaque proof of the runtime library. */
  readonly proof: string;
}

/** Content of a runtime commitment, or undefined unless it is 146 bytes of version 4 and its signature holds. @see protocol 05 §6.9 */
export function parseCommitmentV4(hex: string): CommitmentV4 | undefined {
  if (!SHAPE.test(hex)) return undefined;
  const bytes = Buffer.from(hex, "hex");
  if (bytes[0] !== VERSION_4 || bytes[1] !== VERSION_4) return undefined;
  const publicKey = bytes.toString("hex", AT.publicKey, AT.nonce);
  const signed = bytes.subarray(AT.signed, AT.signature);
  if (!isSignedBy(publicKey, signed, bytes.subarray(AT.signature))) return undefined;
  return {
    publicKey,
    nonce: bytes.toString("hex", AT.nonce, AT.proof),
    proof: bytes.toString("hex", AT.proof, AT.signature),
  };
}

/** Commitment of a runtime that holds an Ed25519 key, as lower-case hex. @see protocol 05 §6.9 */
export function newCommitmentV4(input: {
  readonly privateKey: KeyObject;
  readonly nonceHex: string;
  readonly proofHex: string;
}): string {
  const head = Buffer.from([VERSION_4, VERSION_4]).toString("hex");
  const body = Buffer.from(head + publicHexOf(input.privateKey) + input.nonceHex + input.proofHex, "hex");
  return Buffer.concat([body, sign(null, body.subarray(AT.signed), input.privateKey)]).toString("hex");
}

/** Whether the commitment's key signed this certificate for this launch: PEM text followed by the nonce's text. @see protocol 05 §6.9 */
export function verifyTlsCertSignature(input: {
  readonly certPem: string;
  /** As handed out, hex text. */
  readonly nonce: string;
  readonly signatureHex: string;
  readonly publicKeyHex: string;
}): boolean {
  if (!/^[0-9a-f]{128}$/i.test(input.signatureHex) || !/^[0-9a-f]{64}$/i.test(input.publicKeyHex)) return false;
  return isSignedBy(
    input.publicKeyHex,
    Buffer.from(input.certPem + input.nonce, "utf8"),
    Buffer.from(input.signatureHex, "hex"),
  );
}

/** Signature of an instance's certificate, in hex. @see protocol 05 §6.9 */
export function signTlsCert(input: {
  readonly certPem: string;
  readonly nonce: string;
  readonly privateKey: KeyObject;
}): string {
  return sign(null, Buffer.from(input.certPem + input.nonce, "utf8"), input.privateKey).toString("hex");
}

function isSignedBy(publicKeyHex: string, message: Buffer, signature: Buffer): boolean {
  try {
    return verify(null, message, publicKeyFromHex("ed25519", publicKeyHex), signature);
  } catch {
    return false;
  }
}

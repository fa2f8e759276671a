import { sha256Hex } from "./hashes.js";
import { hotkeyMessage, validatorMessage } from "./hotkey-signature.js";
import type { Keypair } from "./keypair.js";

/**
 * Header names. Those read from requests are lower case, as Node delivers them; those we write keep the spelling that
 * clients look for. @see protocol 01 §2.1, 04 §6.2, 04 §8.4, 08 §3.1
 */
export const HEADER = {
  hotkey: "x-chutes-hotkey",
  coldkey: "x-chutes-coldkey",
  nonce: "x-chutes-nonce",
  signature: "x-chutes-signature",
  miner: "x-chutes-miner",
  validator: "x-chutes-validator",
  userId: "x-chutes-userid",
  block: "x-chutes-block",
  trace: "x-chutes-trace",
  chuteId: "x-chutes-chuteid",
  function: "x-chutes-function",
  serialized: "x-chutes-serialized",
  expectedIp: "x-conn-expip",
  connUsed: "x-chutes-conn-used",
  connAvailable: "x-chutes-conn-available",
  connUtilization: "x-chutes-conn-utilization",
  invocationId: "X-Chutes-InvocationID",
  sha256: "X-Chutes-SHA256",
  rows: "X-Chutes-Rows",
  window: "X-Chutes-Window",
} as const;

/** What a signature covers: the bytes of a body, or the endpoint's purpose word. */
export type Signed = { readonly purpose: string } | { readonly body: string | Uint8Array };

/** Headers of a developer's or miner's request. The object is also the socket's `authenticate` payload. @see protocol 01 §2.1 */
export function signedHeaders(keypair: Keypair, what: Signed, now: Date): Record<string, string> {
  const nonce = nonceOf(now);
  const message = hotkeyMessage({ hotkey: keypair.address, nonce, third: thirdOf(what) });
  return {
    "X-Chutes-Hotkey": keypair.address,
    "X-Chutes-Nonce": nonce,
    "X-Chutes-Signature": hex(keypair.sign(message)),
  };
}

/** Headers of the validator's call to a miner or an instance; sign right before sending, receivers allow 30 s. @see protocol 05 §1.2 */
export function validatorHeaders(
  keypair: Keypair,
  what: { readonly miner: string } & Signed,
  now: Date,
): Record<string, string> {
  const nonce = nonceOf(now);
  const names = { miner: what.miner, validator: keypair.address };
  return {
    "X-Chutes-Miner": names.miner,
    "X-Chutes-Validator": names.validator,
    "X-Chutes-Nonce": nonce,
    "X-Chutes-Signature": hex(keypair.sign(validatorMessage({ ...names, nonce, third: thirdOf(what) }))),
  };
}

function thirdOf(what: Signed): string {
  return "purpose" in what ? what.purpose : sha256Hex(what.body);
}

function nonceOf(now: Date): string {
  return String(Math.floor(now.getTime() / 1000));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

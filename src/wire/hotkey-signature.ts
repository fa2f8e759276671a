import { verifySr25519 } from "./keypair.js";
import { decodeSs58 } from "./ss58.js";

const NONCE_SHAPE = /^[0-9]{1,15}$/;
const SIGNATURE_SHAPE = /^(?:0x)?([0-9a-f]{128})$/i;

/** Text a developer or miner signs; `third` is the purpose word or the body's SHA-256. @see protocol 01 §2.2 */
export function hotkeyMessage(parts: {
  readonly hotkey: string;
  readonly nonce: string;
  readonly third: string;
}): string {
  return `${parts.hotkey}:${parts.nonce}:${parts.third}`;
}

/** Text a validator signs when it calls a miner or an instance. @see protocol 01 §2.9 */
export function validatorMessage(parts: {
  readonly miner: string;
  readonly validator: string;
  readonly nonce: string;
  readonly third: string;
}): string {
  return `${parts.miner}:${parts.validator}:${parts.nonce}:${parts.third}`;
}

/** Whether a nonce (decimal Unix seconds) lies strictly within the window around now. @see protocol 01 §2.4 */
export function isFreshNonce(nonce: string, now: Date, windowSeconds = 600): boolean {
  return NONCE_SHAPE.test(nonce) && Math.abs(now.getTime() / 1000 - Number(nonce)) < windowSeconds;
}

/**
 * Whether the hotkey signed the message, plainly or in the `<Bytes>` wrapping of browser wallets.
 * Hex in either case, with or without `0x`; anything malformed is false. @see protocol 01 §2.6
 */
export function verifyHotkeyMessage(input: {
  readonly hotkey: string;
  readonly message: string;
  readonly signatureHex: string;
}): boolean {
  const digits = SIGNATURE_SHAPE.exec(input.signatureHex)?.[1];
  const publicKey = decodeSs58(input.hotkey);
  if (digits === undefined || publicKey === undefined) return false;
  const signature = Buffer.from(digits, "hex");
  const isSigned = (message: string) => verifySr25519({ message, signature, publicKey });
  return isSigned(input.message) || isSigned(`<Bytes>${input.message}</Bytes>`);
}

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { AppError } from "../kernel/errors.js";

/** Curves whose keys travel as 32 raw bytes, with the last byte of their object identifier (1.3.101.x). */
const CURVE = { x25519: 0x6e, ed25519: 0x70 } as const;
type Curve = keyof typeof CURVE;

/** Key object of 32 raw public bytes in hex. Throws AppError `invalid` on anything else. */
export function publicKeyFromHex(curve: Curve, hex: string): KeyObject {
  const der = Buffer.concat([Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, CURVE[curve], 3, 0x21, 0), raw(hex)]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

/** Key object of 32 raw private bytes in hex. Throws AppError `invalid` on anything else. */
export function privateKeyFromHex(curve: Curve, hex: string): KeyObject {
  const der = Buffer.concat([
    Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, CURVE[curve], 4, 0x22, 4, 0x20),
    raw(hex),
  ]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** The 32 raw public bytes of a private or public key, in lower-case hex. */
export function publicHexOf(key: KeyObject): string {
  const spki = (key.type === "private" ? createPublicKey(key) : key).export({ format: "der", type: "spki" });
  return spki.subarray(-32).toString("hex");
}

function raw(hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new AppError("invalid", "a curve key must be 64 hex digits");
  return Buffer.from(hex, "hex");
}

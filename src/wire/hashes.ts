import { hash } from "node:crypto";

/** SHA-256 of bytes or UTF-8 text as 64 lower-case hex digits. @see protocol 01 §0 */
export function sha256Hex(data: string | Uint8Array): string {
  return hash("sha256", data);
}

/** BLAKE2b-512 (no key, salt or personalisation) as 128 lower-case hex digits. @see protocol 01 §0 */
export function blake2b512Hex(data: string | Uint8Array): string {
  return hash("blake2b512", data);
}

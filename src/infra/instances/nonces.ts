import { randomFillSync } from "node:crypto";

const NONCE_BYTES = 12;
const NONCES_AT_ONCE = 256;

/** Source of random 12-byte nonces: drawn in bulk, because each draw by itself costs as much as encrypting a short body. */
export function openNonces(): () => Uint8Array {
  let pool = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === pool.length) {
      // A fresh buffer each time: nonces that were handed out must not change.
      pool = randomFillSync(Buffer.alloc(NONCE_BYTES * NONCES_AT_ONCE));
      at = 0;
    }
    at += NONCE_BYTES;
    return pool.subarray(at - NONCE_BYTES, at);
  };
}

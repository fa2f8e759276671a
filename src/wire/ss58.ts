import { createHash } from "node:crypto";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const DIGIT_OF = new Map([...ALPHABET].map((letter, value) => [letter, value]));
const PREFIX = 42;
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
const DECODED_BYTES = 1 + KEY_BYTES + CHECKSUM_BYTES;
const ADDRESS_SHAPE = /^5[1-9A-HJ-NP-Za-km-z]{46,47}$/;

/**
 * Public key (32 bytes) of a Bittensor address, or undefined when the text is anything but the one canonical address of a
 * usable key: prefix 42, valid checksum, 32 bytes, and not the zero key, for which anybody can forge signatures.
 * @see protocol 01 §2.5
 */
export function decodeSs58(address: string): Uint8Array | undefined {
  if (!ADDRESS_SHAPE.test(address)) return undefined;
  const bytes = fromBase58(address);
  if (bytes?.[0] !== PREFIX) return undefined;
  const checksum = checksumOf(bytes.subarray(0, 1 + KEY_BYTES));
  if (checksum[0] !== bytes[1 + KEY_BYTES] || checksum[1] !== bytes[2 + KEY_BYTES]) return undefined;
  const publicKey = bytes.subarray(1, 1 + KEY_BYTES);
  return publicKey.some((byte) => byte !== 0) ? publicKey : undefined;
}

/** Canonical prefix-42 address of a 32-byte public key. Throws RangeError on another length. @see protocol 01 §2.5 */
export function encodeSs58(publicKey: Uint8Array): string {
  if (publicKey.length !== KEY_BYTES)
    throw new RangeError(`a public key has ${KEY_BYTES} bytes, not ${publicKey.length}`);
  const body = Uint8Array.of(PREFIX, ...publicKey);
  return toBase58(Uint8Array.of(...body, ...checksumOf(body)));
}

function checksumOf(body: Uint8Array): Uint8Array {
  return createHash("blake2b512").update("SS58PRE").update(body).digest().subarray(0, CHECKSUM_BYTES);
}

/** Fixed-width decoding: undefined when the number needs more than 35 bytes. */
function fromBase58(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(DECODED_BYTES);
  for (const letter of text) {
    let carry = DIGIT_OF.get(letter) ?? 0;
    for (let at = DECODED_BYTES - 1; at >= 0; at--) {
      carry += 58 * (bytes[at] ?? 0);
      bytes[at] = carry & 0xff;
      carry >>= 8;
    }
    if (carry !== 0) return undefined;
  }
  return bytes;
}

/** No leading zero bytes occur here, because every address starts with the prefix byte. */
function toBase58(bytes: Uint8Array): string {
  const digits: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let at = 0; at < digits.length; at++) {
      carry += (digits[at] ?? 0) << 8;
      digits[at] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58);
  }
  return digits.reduceRight((text, digit) => text + ALPHABET.charAt(digit), "");
}

import { randomInt, timingSafeEqual } from "node:crypto";
import { sha256Hex } from "./hashes.js";
import { hyphenated } from "./ids.js";

const KEY_SHAPE = /^cpk_([a-f0-9]{32})\.([a-f0-9]{32})\.[a-zA-Z0-9]{32}$/;
const SECRET_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HASH_SCHEME = "sha256:";

/** Ids inside an API key (as hyphenated UUIDs), or undefined when the text is not shaped like one. @see protocol 01 §4.1 */
export function parseApiKey(text: string): { apiKeyId: string; userId: string } | undefined {
  const [, key, user] = KEY_SHAPE.exec(text) ?? [];
  return key !== undefined && user !== undefined ? { apiKeyId: hyphenated(key), userId: hyphenated(user) } : undefined;
}

/** A fresh key of 102 characters with about 190 random bits; the owner sees it once. @see protocol 01 §4.1 */
export function newApiKey(ids: { readonly apiKeyId: string; readonly userId: string }): string {
  const secret = Array.from({ length: 32 }, () => SECRET_LETTERS.charAt(randomInt(SECRET_LETTERS.length))).join("");
  return `cpk_${ids.apiKeyId.replaceAll("-", "")}.${ids.userId.replaceAll("-", "")}.${secret}`;
}

/** What is stored of a key. A slow hash would add nothing to 190 random bits. @see protocol 01 §4.2 */
export function apiKeyHash(key: string): string {
  return HASH_SCHEME + sha256Hex(key);
}

/** Whether the key is the stored one, in constant time. Only the `sha256:` form is understood here. @see protocol 01 §4.2 */
export function apiKeyMatches(key: string, storedHash: string): boolean {
  const expected = Buffer.from(apiKeyHash(key));
  const stored = Buffer.from(storedHash);
  return expected.length === stored.length && timingSafeEqual(expected, stored);
}

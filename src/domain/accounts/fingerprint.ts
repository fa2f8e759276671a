import { createHmac, randomInt } from "node:crypto";
import { fingerprintHash } from "../../wire/ids.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PEPPERED = "hmac-sha512:";
const SHORTEST = 16;
const LONGEST = 256;

/** A fresh master secret of 32 characters, about 190 random bits. @see protocol 01 §5.1 */
export function newFingerprint(): string {
  return Array.from({ length: 32 }, () => LETTERS.charAt(randomInt(LETTERS.length))).join("");
}

/** Whether an owner may choose that (trimmed) text: 16 to 256 characters. @see protocol 01 §5.1 */
export function isFingerprint(text: string): boolean {
  return text.trim() === text && text.length >= SHORTEST && text.length <= LONGEST;
}

/**
 * What is stored of a fingerprint. People choose weak ones, and a plain fast hash of those can be guessed from a leaked
 * database; a pepper that is not in the database prevents that. Empty pepper: the plain hash. @see protocol 01 §5.1, §21.5
 */
export function storedFingerprint(fingerprint: string, pepper: string): string {
  if (pepper === "") return fingerprintHash(fingerprint);
  return PEPPERED + createHmac("sha512", pepper).update(fingerprint, "utf8").digest("hex");
}

/** Every form in which a fingerprint may be stored: rows from before the pepper hold the plain hash. */
export function storedForms(fingerprint: string, pepper: string): string[] {
  return [...new Set([storedFingerprint(fingerprint, pepper), fingerprintHash(fingerprint)])];
}

/** Whether a stored form may have signed tokens without a salt: only the original server's plain hash. @see protocol 01 §5.2 */
export function allowsUnsaltedTokens(stored: string): boolean {
  return !stored.startsWith(PEPPERED);
}

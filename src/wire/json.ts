import { isAscii, isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { AppError, messageOf } from "../kernel/errors.js";

/** Integers that a double cannot hold have 16 digits or more; everything shorter goes to the engine's own parser. */
const SIXTEEN_DIGITS = /[0-9]{16}/;
const LONG_INTEGER = /(?<![0-9.eE+-])-?[1-9][0-9]{15,}(?![0-9.eE]|\s*:)/g;

/**
 * Parses JSON text or UTF-8 bytes. Integers that a double cannot hold exactly become bigint, because seeds fill 64 bits.
 * Throws AppError `invalid` for malformed JSON or UTF-8. @see protocol 05 §1.4
 */
export function parseJson(text: string | Uint8Array): unknown {
  try {
    const source = typeof text === "string" ? text : decodeUtf8(text);
    return SIXTEEN_DIGITS.test(source) ? parseWithLongIntegers(source) : JSON.parse(source);
  } catch (cause) {
    throw new AppError("invalid", `invalid request JSON payload: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Compact JSON; a bigint is written as a bare integer. Throws TypeError for a Date anywhere inside, whose default form has
 * the trailing Z that miners' parsers reject, and for values that JSON cannot hold: both are bugs. @see protocol 05 §1.4
 */
export function stringifyJson(value: unknown): string {
  const text = stringifyFast(value) ?? stringifyWithBigints(value);
  // Only text that ends like a Date's default form pays for the walk that tells a Date from a string.
  if (text.includes('Z"')) JSON.stringify(value, refuseDate);
  return text;
}

function decodeUtf8(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return buffer.toString("latin1");
  if (!isUtf8(buffer)) throw new SyntaxError("the text is not UTF-8");
  return buffer.toString("utf8");
}

/**
 * Long integers outside strings are handed to the engine as strings with a prefix nobody can guess, and turned into
 * numbers afterwards. Text that was not JSON stays so: a key position is never replaced.
 */
function parseWithLongIntegers(text: string): unknown {
  const mark = `${randomUUID()}:`;
  const marked = mapOutsideStrings(text, (part) => part.replace(LONG_INTEGER, (digits) => `"${mark}${digits}"`));
  if (marked === text) return JSON.parse(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(marked);
  } catch {
    return JSON.parse(text);
  }
  return unmark({ root: parsed }, mark).root;
}

function mapOutsideStrings(text: string, change: (part: string) => string): string {
  let result = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf('"', at);
    if (open === -1) return result + change(text.slice(at));
    const end = closingQuote(text, open) + 1;
    result += change(text.slice(at, open)) + text.slice(open, end);
    at = end;
  }
}

/** Position of the quote that ends the string opened at `open`, or the last character of a broken text. */
function closingQuote(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length - 1 : quote;
}

function isEscaped(text: string, quote: number): boolean {
  let slash = quote - 1;
  while (text[slash] === "\\") slash--;
  return (quote - 1 - slash) % 2 === 1;
}

/** Replaces marked strings in place. Works without recursion: nesting depth is the sender's choice. */
function unmark(holder: { root: unknown }, mark: string): { root: unknown } {
  const pending: object[] = [holder];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === "string" && value.startsWith(mark)) setOwn(node, key, toInteger(value.slice(mark.length)));
      else if (typeof value === "object" && value !== null) pending.push(value);
    }
  }
  return holder;
}

/** Assignment would treat the key `__proto__` specially. */
function setOwn(node: object, key: string, value: number | bigint): void {
  Object.defineProperty(node, key, { value, writable: true, enumerable: true, configurable: true });
}

function toInteger(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

function stringifyFast(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // The engine's complaint about a bigint; a cycle is thrown again by the second attempt.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function stringifyWithBigints(value: unknown): string {
  const mark = randomUUID();
  const text = JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? `${mark}${member}` : member,
  );
  if (text === undefined) throw new TypeError("a value without a JSON form cannot be written");
  return text.replaceAll(new RegExp(`"${mark}(-?[0-9]+)"`, "g"), "$1");
}

function refuseDate(this: unknown, key: string, member: unknown): unknown {
  if (typeof this === "object" && this !== null && Reflect.get(this, key) instanceof Date) {
    throw new TypeError(`a Date must be formatted before it is written as JSON (member "${key}")`);
  }
  return typeof member === "bigint" ? null : member;
}

import { decimalOf, numberIn } from "./csv-fields.js";

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const MINUS = 45;
const POINT = 46;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;
const BRACKET_OPEN = 91;
const BRACKET_CLOSE = 93;
const PARENTHESIS_OPEN = 40;
const PARENTHESIS_CLOSE = 41;
const LETTER_C = 99;
const LETTER_I = 105;
const LETTER_N = 110;
const LETTER_O = 111;
const LETTER_P = 112;
const LETTER_T = 116;
const MAX_DEPTH = 8;
const WORDS: readonly [Buffer, boolean][] = [
  [Buffer.from("True"), true],
  [Buffer.from("true"), true],
  [Buffer.from("False"), false],
  [Buffer.from("false"), false],
  [Buffer.from("None"), false],
  [Buffer.from("null"), false],
];
const LONG_KEYS: readonly [Buffer, "steps" | "masps" | "maspt" | "tokens"][] = [
  [Buffer.from("steps"), "steps"],
  [Buffer.from("masps"), "masps"],
  [Buffer.from("maspt"), "maspt"],
  [Buffer.from("tokens"), "tokens"],
];

/** Figures of one metrics value that scoring needs; NaN where it has none. */
export interface MetricsFigures {
  it: number;
  ot: number;
  tokens: number;
  steps: number;
  masps: number;
  maspt: number;
  nc: number;
  isPrivate: boolean;
}

/** Reads a metrics value, a Python literal or JSON, without making objects: keys that scoring does not need are checked
 *  and skipped. @see protocol 08 §2.4, §7.3 */
export class MetricsReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  /** Set by `#value`: the number it read, NaN for everything else. */
  #number = Number.NaN;
  #isTrue = false;

  /** False when the text is not a whole literal; the figures are then cleared. */
  read(bytes: Buffer, range: { start: number; end: number }, into: MetricsFigures): boolean {
    clear(into);
    this.#bytes = bytes;
    this.#at = range.start;
    this.#end = range.end;
    const isWhole = this.#peek() === BRACE_OPEN && this.#figures(into) && this.#peek() < 0;
    if (!isWhole) clear(into);
    return isWhole;
  }

  #figures(into: MetricsFigures): boolean {
    this.#at += 1;
    while (this.#peek() !== BRACE_CLOSE) {
      const start = this.#at + 1;
      if (!this.#string()) return false;
      const end = this.#at - 1;
      if (!this.#take(COLON) || !this.#value(1)) return false;
      this.#assign(into, start, end);
      if (!this.#separator(BRACE_CLOSE)) return false;
    }
    this.#at += 1;
    return true;
  }

  /** Compares bytes: a string per key would double the time of a row. */
  #assign(into: MetricsFigures, start: number, end: number): void {
    const length = end - start;
    if (length === 1 && this.#bytes[start] === LETTER_P) into.isPrivate = this.#isTrue;
    else if (length === 2) this.#assignShort(into, start);
    else if (length === 5 || length === 6) this.#assignLong(into, start, length);
  }

  #assignShort(into: MetricsFigures, start: number): void {
    const first = this.#bytes[start];
    const last = this.#bytes[start + 1];
    if (first === LETTER_I && last === LETTER_T) into.it = this.#number;
    else if (first === LETTER_O && last === LETTER_T) into.ot = this.#number;
    else if (first === LETTER_N && last === LETTER_C) into.nc = this.#number;
  }

  #assignLong(into: MetricsFigures, start: number, length: number): void {
    for (const [key, name] of LONG_KEYS) {
      if (key.length !== length || !this.#isKey(key, start)) continue;
      into[name] = this.#number;
      return;
    }
  }

  #isKey(key: Buffer, start: number): boolean {
    for (let index = 0; index < key.length; index += 1) {
      if (key[index] !== this.#bytes[start + index]) return false;
    }
    return true;
  }

  /** Moves behind one value of any kind. */
  #value(depth: number): boolean {
    this.#number = Number.NaN;
    this.#isTrue = false;
    const first = this.#peek();
    if (first === QUOTE || first === APOSTROPHE) return this.#string();
    if (first === BRACE_OPEN) return depth < MAX_DEPTH && this.#dictionary(depth);
    if (first === BRACKET_OPEN) return depth < MAX_DEPTH && this.#list(depth, BRACKET_CLOSE);
    if (first === PARENTHESIS_OPEN) return depth < MAX_DEPTH && this.#list(depth, PARENTHESIS_CLOSE);
    return isWordStart(first) ? this.#word() : this.#numeral();
  }

  /** Finds the end and the value in one pass; what is not a plain decimal of up to 15 digits goes the slow way. */
  #numeral(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const first = bytes[start] === MINUS ? start + 1 : start;
    let mantissa = 0;
    let point = -1;
    let at = first;
    for (; at < this.#end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte >= 48 && byte <= 57) mantissa = mantissa * 10 + (byte - 48);
      else if (byte === POINT && point < 0) point = at;
      else break;
    }
    const value = decimalOf(mantissa, { first, point, end: at });
    if (Number.isNaN(value) || (at < this.#end && isNumeralByte(bytes[at] ?? 0))) return this.#longNumeral();
    this.#at = at;
    return this.#figure(first === start ? value : -value);
  }

  #longNumeral(): boolean {
    const start = this.#at;
    let at = start;
    while (at < this.#end && isNumeralByte(this.#bytes[at] ?? 0)) at += 1;
    this.#at = at;
    return this.#figure(numberIn(this.#bytes, start, at));
  }

  #figure(value: number): boolean {
    this.#number = value;
    this.#isTrue = value !== 0;
    return !Number.isNaN(value);
  }

  #word(): boolean {
    for (const [word, isTrue] of WORDS) {
      const end = this.#at + word.length;
      if (end > this.#end || this.#bytes.compare(word, 0, word.length, this.#at, end) !== 0) continue;
      this.#at = end;
      this.#isTrue = isTrue;
      return true;
    }
    return false;
  }

  #string(): boolean {
    const bytes = this.#bytes;
    const quote = this.#peek();
    if (quote !== QUOTE && quote !== APOSTROPHE) return false;
    let at = this.#at + 1;
    while (at < this.#end && bytes[at] !== quote) at += bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= this.#end) return false;
    this.#at = at + 1;
    this.#isTrue = false;
    return true;
  }

  #dictionary(depth: number): boolean {
    this.#at += 1;
    while (this.#peek() !== BRACE_CLOSE) {
      if (!this.#value(depth + 1) || !this.#take(COLON) || !this.#value(depth + 1)) return false;
      if (!this.#separator(BRACE_CLOSE)) return false;
    }
    return this.#leave();
  }

  #list(depth: number, close: number): boolean {
    this.#at += 1;
    while (this.#peek() !== close) {
      if (!this.#value(depth + 1) || !this.#separator(close)) return false;
    }
    return this.#leave();
  }

  /** A nested value is no figure, whatever it held. */
  #leave(): boolean {
    this.#at += 1;
    this.#number = Number.NaN;
    this.#isTrue = false;
    return true;
  }

  /** A comma, which is also allowed before the closing mark, or the closing mark itself, which stays. */
  #separator(close: number): boolean {
    return this.#peek() === close || this.#take(COMMA);
  }

  #take(byte: number): boolean {
    if (this.#peek() !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** The next byte that is not white space, or -1 at the end. */
  #peek(): number {
    const bytes = this.#bytes;
    while (this.#at < this.#end) {
      const byte = bytes[this.#at] ?? 0;
      if (byte !== 32 && byte !== 9 && byte !== 10 && byte !== 13) return byte;
      this.#at += 1;
    }
    return -1;
  }
}

function clear(into: MetricsFigures): void {
  into.it = Number.NaN;
  into.ot = Number.NaN;
  into.tokens = Number.NaN;
  into.steps = Number.NaN;
  into.masps = Number.NaN;
  into.maspt = Number.NaN;
  into.nc = Number.NaN;
  into.isPrivate = false;
}

function isWordStart(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
}

/** Digits, sign, point, exponent. */
function isNumeralByte(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || byte === 46 || byte === 45 || byte === 43 || byte === 101 || byte === 69;
}

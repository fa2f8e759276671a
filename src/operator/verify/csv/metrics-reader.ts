import { numberIn } from "./csv-fields.js";

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;
const BRACKET_OPEN = 91;
const BRACKET_CLOSE = 93;
const PARENTHESIS_OPEN = 40;
const PARENTHESIS_CLOSE = 41;
const LETTER_P = 112;
const MAX_DEPTH = 8;
const WORDS: readonly [Buffer, boolean][] = [
  [Buffer.from("True"), true],
  [Buffer.from("true"), true],
  [Buffer.from("False"), false],
  [Buffer.from("false"), false],
  [Buffer.from("None"), false],
  [Buffer.from("null"), false],
];
type FigureName = "it" | "ot" | "nc" | "steps" | "masps" | "maspt" | "tokens";
/** By the length of the key: most keys have a length that no wanted one has. */
const FIGURES: readonly (readonly [Buffer, FigureName][])[] = Array.from({ length: 7 }, (_, length) =>
  (["it", "ot", "nc", "steps", "masps", "maspt", "tokens"] as const)
    .filter((name) => name.length === length)
    .map((name) => [Buffer.from(name), name]),
);

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
  /** Set by `#value`: where the number begins that ends at `#at`, -1 for everything else. */
  #numberAt = -1;
  /** Set by `#value`: the word was true. */
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
      if (!this.#assign(into, start, end - start) || !this.#separator(BRACE_CLOSE)) return false;
    }
    this.#at += 1;
    return true;
  }

  /** Compares bytes: a string per key would double the time of a row. False for a figure that is no finite number. */
  #assign(into: MetricsFigures, start: number, length: number): boolean {
    if (length === 1 && this.#bytes[start] === LETTER_P) {
      into.isPrivate = this.#numberAt < 0 ? this.#isTrue : this.#number() !== 0;
      return true;
    }
    const name = this.#nameOf(start, length);
    if (name === undefined || this.#numberAt < 0) return true;
    into[name] = this.#number();
    return !Number.isNaN(into[name]);
  }

  #number(): number {
    return numberIn(this.#bytes, this.#numberAt, this.#at);
  }

  #nameOf(start: number, length: number): FigureName | undefined {
    for (const [key, name] of FIGURES[length] ?? []) {
      if (this.#isKey(key, start)) return name;
    }
    return undefined;
  }

  #isKey(key: Buffer, start: number): boolean {
    for (let index = 0; index < key.length; index += 1) {
      if (key[index] !== this.#bytes[start + index]) return false;
    }
    return true;
  }

  /** Moves behind one value of any kind. */
  #value(depth: number): boolean {
    this.#numberAt = -1;
    this.#isTrue = false;
    const first = this.#peek();
    if (first === QUOTE || first === APOSTROPHE) return this.#string();
    if (first === BRACE_OPEN) return depth < MAX_DEPTH && this.#dictionary(depth);
    if (first === BRACKET_OPEN) return depth < MAX_DEPTH && this.#list(depth, BRACKET_CLOSE);
    if (first === PARENTHESIS_OPEN) return depth < MAX_DEPTH && this.#list(depth, PARENTHESIS_CLOSE);
    return isWordStart(first) ? this.#word() : this.#numeral();
  }

  /** Checks the form only: most figures are of no interest, and to compute one costs as much as the rest of the row. */
  #numeral(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const first = isSign(bytes[start] ?? 0) ? start + 1 : start;
    let at = this.#digitsFrom(first);
    let digits = at - first;
    if (at < this.#end && bytes[at] === POINT) {
      const behind = this.#digitsFrom(at + 1);
      digits += behind - at - 1;
      at = behind;
    }
    this.#at = this.#exponentFrom(at);
    this.#numberAt = start;
    return digits > 0 && this.#at > 0;
  }

  /** Position behind an exponent, the same position without one, -1 for half of one. */
  #exponentFrom(at: number): number {
    const byte = this.#bytes[at];
    if (at >= this.#end || (byte !== 101 && byte !== 69)) return at;
    const first = isSign(this.#bytes[at + 1] ?? 0) ? at + 2 : at + 1;
    const behind = this.#digitsFrom(first);
    return behind > first ? behind : -1;
  }

  #digitsFrom(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    while (at < this.#end) {
      const byte = bytes[at] ?? 0;
      if (byte < 48 || byte > 57) break;
      at += 1;
    }
    return at;
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
    this.#numberAt = -1;
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

function isSign(byte: number): boolean {
  return byte === MINUS || byte === PLUS;
}

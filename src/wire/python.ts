import { AppError } from "../kernel/errors.js";
import { pythonFloat } from "./csv.js";

const TRUE_WORDS: ReadonlySet<string> = new Set(["true", "1", "yes", "y", "on", "t"]);
const FALSE_WORDS: ReadonlySet<string> = new Set(["false", "0", "no", "n", "off", "f"]);
const NUMBER = /[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy;
const WORD = /[A-Za-z]+/y;
const BLANK = /[ \t\r\n]*/y;
const INTEGER = /^[+-]?\d+$/;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["True", true],
  ["False", false],
  ["None", null],
]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["a", "\u0007"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\n", ""],
]);
const HEX_ESCAPE_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const DEEPEST = 64;

/** Boolean of a query string in the spellings Python clients use, any case; undefined for other text. @see protocol 05 §1.4 */
export function parseQueryBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : undefined;
}

/**
 * Python literal of a JSON-like value, as the exports carry metrics: `{'it': 5, 'ttft': None, 'p': True}`. Undefined members
 * are left out. Throws AppError `invalid` for values without a literal (NaN, functions). @see protocol 08 §2.4
 */
export function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return numberLiteral(value);
  if (typeof value === "string") return stringLiteral(value);
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") return dictLiteral(value);
  throw new AppError("invalid", `a ${typeof value} has no Python literal`);
}

/**
 * Reads a Python literal as the auditor's parser does: dict (text keys), list, tuple, text, numbers, True, False, None.
 * JSON's `true` and `null` are errors, as they are there. Integers that a double cannot hold become bigint.
 * Throws AppError `invalid`. @see protocol 04 §12.5, 08 §2.4
 */
export function parsePythonLiteral(text: string): unknown {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

function numberLiteral(value: number): string {
  if (!Number.isFinite(value)) throw new AppError("invalid", `${value} has no Python literal`);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : pythonFloat(value);
}

function dictLiteral(value: object): string {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${stringLiteral(key)}: ${pythonLiteral(member)}`).join(", ")}}`;
}

/** Backslash, quote, control characters and halves of surrogate pairs are escaped, so that a literal is one line of UTF-8. */
function stringLiteral(text: string): string {
  return `'${text.replace(/[\\'\u0000-\u001f\u007f-\u00a0\u2028\u2029]|\p{Surrogate}/gu, escapeCharacter)}'`;
}

function escapeCharacter(character: string): string {
  if (character === "\\" || character === "'") return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw this.#error("too deep");
    this.#match(BLANK);
    const first = this.#text.charAt(this.#at);
    switch (first) {
      case "{":
        return this.#dict(depth);
      case "[":
        return this.#sequence("]", depth);
      case "(":
        return this.#parenthesis(depth);
      case "'":
      case '"':
        return this.#string(first);
      default:
        return /[0-9.+-]/.test(first) ? this.#number() : this.#word();
    }
  }

  end(): void {
    this.#match(BLANK);
    if (this.#at !== this.#text.length) throw this.#error("unexpected text");
  }

  #dict(depth: number): Record<string, unknown> {
    const members: [string, unknown][] = [];
    this.#at++;
    while (!this.#takes("}")) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw this.#error("a key must be text");
      if (!this.#takes(":")) throw this.#error("expected ':'");
      members.push([key, this.value(depth + 1)]);
      this.#separator("}");
    }
    return Object.fromEntries(members);
  }

  /** `(1)` is just 1; `()`, `(1,)` and `(1, 2)` are tuples. */
  #parenthesis(depth: number): unknown {
    const start = this.#at;
    const items = this.#sequence(")", depth);
    const inner = this.#text.slice(start + 1, this.#at - 1).trimEnd();
    return items.length === 1 && !inner.endsWith(",") ? items[0] : items;
  }

  #sequence(close: string, depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    while (!this.#takes(close)) {
      items.push(this.value(depth + 1));
      this.#separator(close);
    }
    return items;
  }

  #separator(close: string): void {
    if (this.#takes(",")) return;
    this.#match(BLANK);
    if (this.#text.charAt(this.#at) !== close) throw this.#error(`expected ',' or '${close}'`);
  }

  #string(quote: string): string {
    let result = "";
    for (this.#at++; ; ) {
      const character = this.#text.charAt(this.#at++);
      if (character === quote) return result;
      if (character === "" || character === "\n") throw this.#error("text without end");
      result += character === "\\" ? this.#escape() : character;
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at++);
    const digits = HEX_ESCAPE_DIGITS[letter];
    if (digits === undefined) return ESCAPES.get(letter) ?? `\\${letter}`;
    const hex = this.#text.slice(this.#at, this.#at + digits);
    const code = /^[0-9a-f]+$/i.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : Number.NaN;
    if (!(code <= 0x10ffff)) throw this.#error("bad escape");
    this.#at += digits;
    return String.fromCodePoint(code);
  }

  #number(): number | bigint {
    const digits = this.#match(NUMBER).replaceAll("_", "");
    const value = Number(digits);
    if (digits === "" || Number.isNaN(value)) throw this.#error("bad number");
    return INTEGER.test(digits) && !Number.isSafeInteger(value) ? BigInt(digits) : value;
  }

  #word(): unknown {
    const word = this.#match(WORD);
    if (!WORDS.has(word)) throw this.#error(word === "" ? "expected a value" : `unknown word ${word}`);
    return WORDS.get(word);
  }

  #takes(mark: string): boolean {
    this.#match(BLANK);
    if (this.#text.charAt(this.#at) !== mark) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += match.length;
    return match;
  }

  #error(problem: string): AppError {
    return new AppError("invalid", `not a Python literal: ${problem} at ${this.#at}`);
  }
}

import { endOfString, endWithFields } from "./python-strings.js";

/** A token of Python source. */
export interface PythonToken {
  readonly kind: "name" | "number" | "string" | "operator";
  readonly text: string;
  /** Where it starts in the source. */
  readonly at: number;
}

/** A statement or the head of one: what stands on one line once brackets and continuations are joined. */
export interface LogicalLine {
  /** Blocks around it. */
  readonly depth: number;
  readonly tokens: readonly PythonToken[];
  /** Where it ends in the source. */
  readonly end: number;
}

/** Source that no version of Python reads. */
export class PythonLexError extends Error {
  override readonly name = "PythonLexError";
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const SPACE = /[ \t\f]*/y;
const COMMENT = /#[^\r\n]*/y;
const NEWLINE = /\r\n|[\r\n]/y;
const CONTINUATION = /\\(?:\r\n|[\r\n])/y;
const STRING_START = /(?:[rbuft]{0,2})("""|'''|"|')/iy;
const NUMBER =
  /(?:0[xob](?:_?[0-9a-f])+|(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?j?)/iy;
/** Whatever is not ASCII may be part of a name: which letters may, differs between versions. */
const NAME = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*/y;
const OPERATOR = /\*\*=|\/\/=|>>=|<<=|\.\.\.|!=|->|:=|\*\*|\/\/|>>|<<|[-+*/%&|^@<>=]=|<>|[-+*/%&|^@<>=~.,:;()[\]{}]/y;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const TAB_WIDTH = 8;

/**
 * The logical lines of a source, without comments and blank lines.
 * @throws PythonLexError for brackets, strings and indentations that cannot be right
 */
export function logicalLines(source: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  const blocks = new Blocks();
  const scanner = new Scanner(source);
  while (scanner.at < source.length) {
    const column = indentation(scanner.take(SPACE) ?? "");
    const start = scanner.at;
    const tokens = scanner.line();
    if (tokens.length === 0) continue;
    lines.push({ depth: blocks.enter(column, start), tokens, end: scanner.lineEnd });
    blocks.expect(tokens.at(-1)?.text === ":");
  }
  blocks.enter(0, source.length);
  return lines;
}

function indentation(space: string): number {
  let column = 0;
  for (const character of space) {
    if (character === "\f") column = 0;
    else column += character === "\t" ? TAB_WIDTH - (column % TAB_WIDTH) : 1;
  }
  return column;
}

/** The columns at which open blocks start. */
class Blocks {
  readonly #columns = [0];
  #isExpected = false;

  /** @returns how many blocks are around a line that starts in that column */
  enter(column: number, at: number): number {
    const innermost = this.#columns.at(-1) ?? 0;
    if (column > innermost) {
      if (!this.#isExpected) throw new PythonLexError("unexpected indent", at);
      this.#columns.push(column);
    } else {
      if (this.#isExpected) throw new PythonLexError("an indented block is missing", at);
      while ((this.#columns.at(-1) ?? 0) > column) this.#columns.pop();
      if (this.#columns.at(-1) !== column)
        throw new PythonLexError("this line is indented like no block around it", at);
    }
    this.#isExpected = false;
    return this.#columns.length - 1;
  }

  expect(isExpected: boolean): void {
    this.#isExpected = isExpected;
  }
}

interface Bracket {
  readonly text: string;
  readonly at: number;
}

class Scanner {
  readonly #source: string;
  #vain = 0;
  /** Where the last line ended, before its line break. */
  lineEnd = 0;
  at = 0;

  constructor(source: string) {
    this.#source = source;
    // Editors put a byte order mark at the front.
    if (source.startsWith("\ufeff")) this.at = 1;
  }

  /** What the pattern finds here, which is then behind us. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.#source)?.[0];
    if (text !== undefined) this.at += text.length;
    return text;
  }

  /** Reads to the line break that ends the logical line. */
  line(): PythonToken[] {
    const tokens: PythonToken[] = [];
    const open: Bracket[] = [];
    while (this.at < this.#source.length) {
      this.take(SPACE);
      if (this.take(COMMENT) !== undefined || this.take(CONTINUATION) !== undefined) continue;
      this.lineEnd = this.at;
      if (this.take(NEWLINE) !== undefined) {
        if (open.length === 0) return tokens;
        continue;
      }
      if (this.at === this.#source.length) break;
      const token = this.#token();
      trackBracket(token, open);
      tokens.push(token);
      this.lineEnd = this.at;
    }
    const unclosed = open.at(-1);
    if (unclosed !== undefined) throw new PythonLexError(`\`${unclosed.text}\` is never closed`, unclosed.at);
    return tokens;
  }

  #token(): PythonToken {
    const { at } = this;
    const string = this.#string();
    if (string !== undefined) return { kind: "string", text: string, at };
    const number = this.take(NUMBER);
    if (number !== undefined && number !== "") return { kind: "number", text: number, at };
    const name = this.take(NAME);
    if (name !== undefined) return { kind: "name", text: name, at };
    const operator = this.take(OPERATOR);
    if (operator !== undefined) return { kind: "operator", text: operator, at };
    const character = String.fromCodePoint(this.#source.codePointAt(at) ?? 0);
    throw new PythonLexError(`unexpected character ${JSON.stringify(character)}`, at);
  }

  #string(): string | undefined {
    const from = this.at;
    const start = this.take(STRING_START);
    if (start === undefined) return undefined;
    const quote = start.endsWith('"""') || start.endsWith("'''") ? start.slice(-3) : start.slice(-1);
    const hasFields = /[ft]/i.test(start.slice(0, -quote.length));
    const end = (hasFields ? this.#endWithFields(quote) : undefined) ?? endOfString(this.#source, this.at, quote);
    if (end === undefined) throw new PythonLexError("this string is never closed", from);
    this.at = end;
    return this.#source.slice(from, end);
  }

  #endWithFields(quote: string): number | undefined {
    if (this.#vain > VAIN_LIMIT) return undefined;
    const end = endWithFields(this.#source, { from: this.at, quote, nesting: 0 });
    if (end === undefined) this.#vain += 1;
    return end;
  }
}

/** Reading a string in vain may mean reading the whole source. */
const VAIN_LIMIT = 50;

function trackBracket({ kind, text, at }: PythonToken, open: Bracket[]): void {
  if (kind !== "operator") return;
  if (text in CLOSING) open.push({ text, at });
  if (text !== ")" && text !== "]" && text !== "}") return;
  const opened = open.pop();
  if (opened === undefined) throw new PythonLexError(`\`${text}\` closes nothing`, at);
  if (CLOSING[opened.text] !== text) throw new PythonLexError(`\`${text}\` does not close \`${opened.text}\``, at);
}

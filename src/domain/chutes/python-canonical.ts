import type { LogicalLine, PythonToken } from "./python-lines.js";

/** The same program in the plainest words, and where each of them comes from. */
export interface CanonicalSource {
  readonly text: string;
  /** Position in `text`, ascending, and in the source. */
  readonly origins: readonly (readonly [canonical: number, source: number])[];
}

/** Followed by nothing, `yield` gives None. */
const ENDS_YIELD: ReadonlySet<string> = new Set([")", "]", "}", ",", ";", "=", ":", ""]);
const PREFIX_KEYWORDS: ReadonlySet<string> = new Set(["for", "in", "return", "yield", "except", "lambda"]);

const OPENING: ReadonlySet<string> = new Set(["(", "[", "{"]);
const CLOSING: ReadonlySet<string> = new Set([")", "]", "}"]);

/**
 * Says a program in the words that the grammar knows: what is newer than it, or was left out of it, is replaced by something
 * of the same shape that it has. Every statement is one line.
 */
export function canonicalSource(lines: readonly LogicalLine[]): CanonicalSource {
  const parts: string[] = [];
  const origins: [number, number][] = [];
  let length = 0;
  const write = (text: string, at: number) => {
    origins.push([length, at]);
    parts.push(text);
    length += text.length;
  };
  for (const line of lines) {
    write(" ".repeat(line.depth), line.tokens[0]?.at ?? 0);
    for (const { text, at } of canonicalLine(line.tokens)) write(`${text} `, at);
    write("\n", line.end);
  }
  return { text: parts.join(""), origins };
}

function canonicalLine(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const rewritten = withoutLastCommas(rewriteHead(tokens));
  const isWith = rewritten.slice(0, 2).some(({ text }) => text === "with");
  return rewritten.flatMap((token, index) => {
    const around = { before: rewritten[index - 1], after: rewritten[index + 1], isWith };
    const text = canonicalToken(token, around);
    return text === "" ? [] : [{ ...token, text }];
  });
}

/** A comma may stand after the last parameter of a lambda, and after the only item that a statement goes through. */
function withoutLastCommas(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const lambdas = new OpenLambdas();
  const ends = tokens.map(
    (token, index) => lambdas.endsAt(token) || (token.text === ":" && index === tokens.length - 1),
  );
  return tokens.filter(({ text }, index) => text !== "," || ends[index + 1] !== true);
}

/** Lambdas whose colon is to come, by bracket depth. */
class OpenLambdas {
  readonly #counts = [0];

  /** Whether the token is the colon of a lambda. */
  endsAt({ kind, text }: PythonToken): boolean {
    const innermost = this.#counts.length - 1;
    const count = this.#counts[innermost] ?? 0;
    if (kind === "name" && text === "lambda") this.#counts[innermost] = count + 1;
    if (kind !== "operator") return false;
    if (OPENING.has(text)) this.#counts.push(0);
    if (CLOSING.has(text)) this.#counts.pop();
    if (text !== ":" || count === 0) return false;
    this.#counts[innermost] = count - 1;
    return true;
  }
}

interface Surroundings {
  readonly before: PythonToken | undefined;
  readonly after: PythonToken | undefined;
  readonly isWith: boolean;
}

/** @returns "" for what can be left out */
function canonicalToken({ kind, text }: PythonToken, around: Surroundings): string {
  if (kind === "string") return '""';
  if (kind === "number") return "0";
  return kind === "name" ? canonicalName(text, around) : canonicalOperator(text, around);
}

function canonicalName(text: string, { before, after, isWith }: Surroundings): string {
  if (text === "yield" && ENDS_YIELD.has(after?.text ?? "")) return "x";
  // Targets of `with` may be any tuple, and its items stand in brackets.
  if (text === "as" && isWith) return ",";
  // Comprehensions wait, too.
  if (text === "async" && after?.text === "for" && before !== undefined) return "";
  // Both were statements once.
  if (text === "print" || text === "exec") return "x";
  return /^[\x20-\x7e]+$/.test(text) ? text : "x";
}

function canonicalOperator(text: string, { before, after }: Surroundings): string {
  // The marks between kinds of parameters are like parameters themselves.
  if (text === "/" && before?.text === ",") return "x";
  if (text === "*" && isPrefix(before)) return after?.text === "," || after?.text === ":" ? "x" : "";
  // Decorators may be any expression.
  if (text === "@" && before === undefined) return "x =";
  if (text === ":=") return "or";
  return text;
}

function isPrefix(before: PythonToken | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "operator") return ![")", "]", "}", "..."].includes(before.text);
  return before.kind === "name" && PREFIX_KEYWORDS.has(before.text);
}

/** Statements that begin with a word that is a name elsewhere, and definitions with type parameters. */
function rewriteHead(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const [first, second] = tokens;
  if (first === undefined || second === undefined) return tokens;
  if (first.text === "match" && tokens.at(-1)?.text === ":")
    return [{ ...first, text: "for x in" }, ...tokens.slice(1)];
  if (first.text === "case") return rewriteCase(tokens);
  if (first.text === "type" && second.kind === "name") return rewriteTypeAlias(tokens);
  return withoutTypeParameters(tokens);
}

/** Patterns have a language of their own. */
function rewriteCase(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const [first, second] = tokens;
  const colon = indexAtTop(tokens, ":");
  if (first === undefined || second === undefined || colon < 2) return tokens;
  return [{ ...first, text: "if" }, { ...second, kind: "number", text: "0" }, ...tokens.slice(colon)];
}

function rewriteTypeAlias(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const equals = indexAtTop(tokens, "=");
  return equals === -1 ? tokens : [...tokens.slice(1, 2), ...tokens.slice(equals)];
}

function withoutTypeParameters(tokens: readonly PythonToken[]): readonly PythonToken[] {
  const keyword = tokens.findIndex(({ text }) => text === "def" || text === "class");
  if (keyword === -1 || keyword > 1 || tokens[keyword + 2]?.text !== "[") return tokens;
  const close = closingIndex(tokens, keyword + 2);
  return [...tokens.slice(0, keyword + 2), ...tokens.slice(close + 1)];
}

function indexAtTop(tokens: readonly PythonToken[], wanted: string): number {
  let depth = 0;
  return tokens.findIndex(({ kind, text }) => {
    if (kind !== "operator") return false;
    if (OPENING.has(text)) depth += 1;
    if (CLOSING.has(text)) depth -= 1;
    return depth === 0 && text === wanted;
  });
}

function closingIndex(tokens: readonly PythonToken[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    const { kind, text } = tokens[index] ?? {};
    if (kind === "operator" && text === "[") depth += 1;
    if (kind === "operator" && text === "]") depth -= 1;
    if (depth === 0) return index;
  }
  return tokens.length;
}

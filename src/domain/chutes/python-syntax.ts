import { parser } from "@lezer/python";
import { type CanonicalSource, canonicalSource } from "./python-canonical.js";
import { type LogicalLine, logicalLines, PythonLexError } from "./python-lines.js";

/** Something that no version of Python accepts. */
export interface PythonError {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  readonly what: string;
}

const PARSER = parser.configure({ strict: true });
/** A source of the longest allowed length takes a fraction of it. */
const TIME_LIMIT_MS = 2000;

/**
 * The first definite syntax error of a Python source; undefined also where it cannot be told. Nothing is executed, and what
 * any version of Python 3 accepts is not refused.
 * @see protocol 03 §5.1
 */
export function pythonSyntaxError(source: string): PythonError | undefined {
  try {
    const lines = logicalLines(source);
    const canonical = canonicalSource(lines);
    const position = grammarErrorAt(canonical.text);
    if (position === undefined) return undefined;
    const at = originOf(canonical, position);
    return isLongChain(lines, at) ? undefined : located(source, at);
  } catch (error) {
    if (error instanceof PythonLexError) return { ...placeOf(source, error.at), what: error.message };
    throw error;
  }
}

/** Where the grammar stops; undefined when it does not, or takes too long. */
function grammarErrorAt(text: string): number | undefined {
  const deadline = performance.now() + TIME_LIMIT_MS;
  const parse = PARSER.startParse(text);
  try {
    for (let steps = 1; parse.advance() === null; steps += 1) {
      if (steps % 1000 === 0 && performance.now() > deadline) return undefined;
    }
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return parse.parsedPos;
    throw error;
  }
}

/** The parser gives long chains of operators up half way. */
const CHAIN_LIMIT = 250;
const NO_CHAIN: ReadonlySet<string> = new Set([")", "]", "}", "{", ",", ":", ";", "="]);

const CHAIN_WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "if", "else", "lambda"]);

function isLongChain(lines: readonly LogicalLine[], at: number): boolean {
  const line = lines.find(({ end }) => end >= at);
  const links = line?.tokens.filter((token) => token.at < at && isLink(token)) ?? [];
  return links.length > CHAIN_LIMIT;
}

function isLink({ kind, text }: LogicalLine["tokens"][number]): boolean {
  return kind === "operator" ? !NO_CHAIN.has(text) : CHAIN_WORDS.has(text);
}

function originOf({ origins }: CanonicalSource, position: number): number {
  let low = 0;
  let high = origins.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((origins[middle]?.[0] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return origins[low]?.[1] ?? 0;
}

function located(source: string, at: number): PythonError {
  const word = /[^\s()[\]{},:;]+|\S/y;
  word.lastIndex = at;
  const found = word.exec(source)?.[0];
  const what = found === undefined ? "the line ends too early" : `\`${found.slice(0, 40)}\` cannot stand here`;
  return { ...placeOf(source, at), what };
}

function placeOf(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at).split(/\r\n|[\r\n]/);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Where a string ends that was opened with that quote before `from`; undefined when it does not. */
export function endOfString(source: string, from: number, quote: string): number | undefined {
  for (let at = from; at < source.length; at += 1) {
    const character = source[at];
    if (character === "\\") at += source.startsWith("\r\n", at + 1) ? 2 : 1;
    else if (source.startsWith(quote, at)) return at + quote.length;
    else if (quote.length === 1 && (character === "\n" || character === "\r")) return undefined;
  }
  return undefined;
}

/** A string that holds expressions, and how deep it stands within others. */
interface FieldString {
  /** Behind its opening quote. */
  readonly from: number;
  readonly quote: string;
  readonly nesting: number;
}

/** As of Python 3.12 strings may stand in the fields of a string, also with the same quote. */
const NESTING_LIMIT = 20;

/**
 * Where a string ends whose fields hold expressions, read as Python 3.12 does. Undefined when it makes no sense so: older
 * versions may still read it.
 */
export function endWithFields(source: string, { from, quote, nesting }: FieldString): number | undefined {
  if (nesting > NESTING_LIMIT) return undefined;
  let braces = 0;
  for (let at = from; at < source.length; ) {
    if (braces === 0 && source.startsWith(quote, at)) return at + quote.length;
    const step = braces === 0 ? literalStep(source, at, quote) : fieldStep(source, at, nesting);
    if (step === undefined) return undefined;
    braces += step.braces;
    at = step.next;
  }
  return undefined;
}

interface Step {
  readonly next: number;
  readonly braces: number;
}

function literalStep(source: string, at: number, quote: string): Step | undefined {
  const character = source[at];
  if (character === "\\") return { next: at + 2, braces: 0 };
  if (character === "{") return source[at + 1] === "{" ? { next: at + 2, braces: 0 } : { next: at + 1, braces: 1 };
  if (character === "\n" && quote.length === 1) return undefined;
  return { next: at + 1, braces: 0 };
}

function fieldStep(source: string, at: number, nesting: number): Step | undefined {
  const character = source[at];
  if (character === '"' || character === "'") {
    const next = endOfNested(source, at, nesting);
    return next === undefined ? undefined : { next, braces: 0 };
  }
  if (character === "{" || character === "}") return { next: at + 1, braces: character === "{" ? 1 : -1 };
  if (character === "#") return { next: endOfComment(source, at), braces: 0 };
  return { next: at + 1, braces: 0 };
}

function endOfNested(source: string, at: number, nesting: number): number | undefined {
  const character = source[at] ?? "";
  const quote = source.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
  const prefix = /[a-z]{0,2}$/i.exec(source.slice(Math.max(0, at - 2), at))?.[0] ?? "";
  const from = at + quote.length;
  return /[ft]/i.test(prefix)
    ? endWithFields(source, { from, quote, nesting: nesting + 1 })
    : endOfString(source, from, quote);
}

/** A comment runs to the end of its line; a colour in a format is no comment, and ends with its field. */
function endOfComment(source: string, at: number): number {
  const end = /[\r\n}]/g;
  end.lastIndex = at;
  return end.exec(source)?.index ?? source.length;
}

import { type AttemptFailure, emptyStream, failureOfErrorEvent } from "./attempt-failure.js";
import { isDataLine } from "./llm-meter.js";

/** What to do with lines that just arrived: pass them on, or give the attempt up. */
export type Judgement = { readonly pass: readonly Buffer[] } | { readonly failure: AttemptFailure };

const NOTHING: Judgement = { pass: [] };
/** Lines that may be held back before the first event. */
const MOST_HELD = 1000;

/**
 * Holds a language model's stream back until its first event shows that it is one: an error as the first event, or events of
 * another model, can still be answered by another instance.
 * @see protocol 04 §7.3, §8.2
 */
export class StreamJudge {
  /** How the expected model is usually written; other spellings are parsed. */
  readonly #spellings: readonly string[];
  readonly #model: string;
  #held: Buffer[] = [];
  #isOpen = false;

  constructor(model: string) {
    this.#model = model;
    this.#spellings = [`"model":${JSON.stringify(model)}`, `"model": ${JSON.stringify(model)}`];
  }

  judge(lines: readonly Buffer[]): Judgement {
    for (const line of lines) {
      if (!isDataLine(line)) continue;
      const failure = this.#isOpen ? this.#otherModel(line) : (errorIn(line) ?? this.#otherModel(line));
      if (failure !== undefined) return { failure };
      this.#isOpen = true;
    }
    if (this.#isOpen && this.#held.length === 0) return { pass: lines };
    this.#held.push(...lines);
    if (!this.#isOpen) return this.#held.length > MOST_HELD ? { failure: emptyStream() } : NOTHING;
    const pass = this.#held;
    this.#held = [];
    return { pass };
  }

  #otherModel(line: Buffer): AttemptFailure | undefined {
    if (this.#spellings.some((text) => line.includes(text)) || !line.includes('"model"')) return undefined;
    const event = eventOf(line);
    if (event?.["error"] !== undefined || event?.["model"] === undefined) return undefined;
    return event["model"] === this.#model ? undefined : emptyStream();
  }
}

/** An engine's error event; without a code it is the engine's own fault. */
function errorIn(line: Buffer): AttemptFailure | undefined {
  if (!line.includes('"error"')) return undefined;
  const error = eventOf(line)?.["error"];
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const status = Number(code);
  const isStatus = Number.isInteger(status) && status >= 400 && status < 600;
  return failureOfErrorEvent({ code: isStatus ? status : 500, message: String(message ?? "") });
}

function eventOf(line: Buffer): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(line.toString("utf8", "data: ".length))) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

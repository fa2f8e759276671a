/** Tokens of one language-model attempt, as far as they can be believed. @see protocol 04 §9.2 */
export interface TokenCount {
  /** Prompt tokens. */
  readonly input: number;
  /** Prompt tokens that were cached, at most `input`. */
  readonly cached: number;
  readonly output: number;
  /** Content chunks of a stream, or completion tokens. */
  readonly chunks: number;
  /** Seconds to the first content chunk; null when not streamed. */
  readonly ttftSeconds: number | null;
  /** True when a claim of the instance was too high to be believed. */
  readonly isClaimRejected: boolean;
}

/** What an engine says it used. */
interface Usage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null;
}

/** Claims above this multiple of our own estimate are lies or bugs. */
const MOST_OF_ESTIMATE = 50;
const BYTES_PER_TOKEN = 4;

/** Prompt tokens of an engine's JSON body of that many bytes. @see protocol 04 §9.2 */
export function estimatePromptTokens(bodyBytes: number): number {
  return Math.floor(bodyBytes / BYTES_PER_TOKEN);
}

const DATA_OBJECT = Buffer.from("data: {");
const EMPTY_CONTENT = ['content":""', 'content": ""'];
const NO_USAGE = ['"usage":null', '"usage": null'];

/** Whether a line of a stream is an event with a JSON object. */
export function isDataLine(line: Buffer): boolean {
  return (
    line.length > DATA_OBJECT.length && line.compare(DATA_OBJECT, 0, DATA_OBJECT.length, 0, DATA_OBJECT.length) === 0
  );
}

/**
 * Counts a stream as it passes. JSON is parsed once, at the end: chunks are only searched for bytes, because there are
 * thousands of them a second.
 */
export class StreamMeter {
  readonly #promptEstimate: number;
  #chunks = 0;
  #ttftSeconds: number | null = null;
  #lastUsage: Buffer | undefined;

  constructor(promptEstimate: number) {
    this.#promptEstimate = promptEstimate;
  }

  /** Seconds are those since the attempt began. */
  count(line: Buffer, elapsedSeconds: number): void {
    if (!isDataLine(line)) return;
    if (!EMPTY_CONTENT.some((text) => line.includes(text))) {
      this.#ttftSeconds ??= elapsedSeconds;
      this.#chunks += 1;
    }
    if (line.includes('"usage":') && !NO_USAGE.some((text) => line.includes(text))) this.#lastUsage = line;
  }

  /** The count so far. */
  read(): TokenCount {
    const usage = this.#lastUsage === undefined ? undefined : usageOfEvent(this.#lastUsage);
    const tokens = believe(usage, { input: this.#promptEstimate, output: this.#chunks });
    return { ...tokens, chunks: this.#chunks, ttftSeconds: this.#ttftSeconds };
  }
}

/** Counts a whole answer; undefined when it does not say what it used. @see protocol 04 §9.2 */
export function countAnswer(answer: unknown, promptEstimate: number): TokenCount | undefined {
  const usage = (Object(answer) as { usage?: unknown }).usage;
  if (typeof usage !== "object" || usage === null) return undefined;
  const tokens = believe(usage, { input: promptEstimate, output: estimateCompletion(answer) });
  return { ...tokens, chunks: tokens.output, ttftSeconds: null };
}

function believe(usage: Usage | undefined, estimate: { input: number; output: number }) {
  const input = believed(usage?.prompt_tokens, estimate.input);
  const output = believed(usage?.completion_tokens, estimate.output);
  const cached = wholeNumber(usage?.prompt_tokens_details?.cached_tokens) ?? 0;
  return {
    input: input.tokens,
    output: output.tokens,
    cached: Math.min(cached, input.tokens),
    isClaimRejected: input.isRejected || output.isRejected,
  };
}

function believed(claim: unknown, estimate: number): { tokens: number; isRejected: boolean } {
  const tokens = wholeNumber(claim);
  if (tokens === undefined) return { tokens: estimate, isRejected: false };
  // The first token of an answer may arrive with several others: a lone chunk says little about small claims.
  const isRejected = tokens > Math.max(estimate, 1) * MOST_OF_ESTIMATE;
  return { tokens: isRejected ? estimate : tokens, isRejected };
}

function usageOfEvent(line: Buffer): Usage | undefined {
  try {
    const event = JSON.parse(line.toString("utf8", "data: ".length)) as { usage?: Usage | null };
    return event.usage ?? undefined;
  } catch {
    return undefined;
  }
}

interface Choice {
  readonly text?: unknown;
  readonly message?: { readonly content?: unknown; readonly reasoning?: unknown; readonly reasoning_content?: unknown };
}

function estimateCompletion(answer: unknown): number {
  const choices = (Object(answer) as { choices?: unknown }).choices;
  if (!Array.isArray(choices)) return 0;
  const characters = (choices as Choice[]).reduce((sum, choice) => sum + completionLength(Object(choice) as Choice), 0);
  return Math.floor(characters / BYTES_PER_TOKEN);
}

function completionLength({ text, message }: Choice): number {
  const reasoning = message?.reasoning ?? message?.reasoning_content;
  return [text, message?.content, reasoning].reduce<number>(
    (sum, part) => sum + (typeof part === "string" ? part.length : 0),
    0,
  );
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

import { AppError, messageOf } from "../../kernel/errors.js";

/** What a failed attempt means: for the row, for the caller, for the instance. @see protocol 04 §7.3 */
export interface AttemptFailure {
  /** The row's `error_message`. */
  readonly label: string;
  /** `next`: another instance may be tried. `stop`: the caller is at fault, or has left. */
  readonly effect: "next" | "stop";
  readonly penalty: "none" | "failure" | "delete";
  /** Status and `detail` for the caller when this failure decides. */
  readonly status: number;
  readonly detail: unknown;
}

/** Statuses that speak about the instance itself, whatever the caller sent. */
const INSTANCE_FAULTS: ReadonlySet<number> = new Set([401, 403, 451, 499]);
const RATE_LIMITED = 429;
const NEEDS_KEY_EXCHANGE = 426;
/** Longest text kept of an instance's error. */
const LONGEST_TEXT = 500;
/** An engine that reports this was given an empty prompt by its own server, not by the caller. */
const ENGINE_BUG = "input_ids cannot be empty.";

/** A refusal with an HTTP status; `body` is the instance's plain error body. */
export function failureOfStatus(status: number, body: Buffer): AttemptFailure {
  if (status === RATE_LIMITED) return overloaded();
  if (status === NEEDS_KEY_EXCHANGE) return keyExchangeRequired();
  const detail = detailOf(body);
  if (isCallersFault(status, detail)) return badRequest(status, detail);
  return instanceFault(`HTTP_${status}: ${shortText(detail)}`);
}

/** The engine reports an error as the first event of its stream. @see protocol 04 §8.2 */
export function failureOfErrorEvent(error: { readonly code: number; readonly message: string }): AttemptFailure {
  const { code, message } = error;
  if (message.includes(ENGINE_BUG)) return instanceFault(ENGINE_BUG);
  if (code === RATE_LIMITED) return overloaded();
  if (code >= 400 && code < 500) return badRequest(code, message);
  return instanceFault(`HTTP_${code}: ${shortText(message)}`);
}

/** Anything thrown while the instance was asked. `host` and `port` are cut out of the text. */
export function failureOfError(
  error: unknown,
  target: { readonly host: string; readonly port: number },
): AttemptFailure {
  if (error instanceof AppError && error.kind === "forbidden") return keyExchangeRequired();
  if (error instanceof AppError && error.kind === "aborted") return callerGone();
  const text = messageOf(error).replaceAll(`${target.host}:${target.port}`, HIDDEN).replaceAll(target.host, HIDDEN);
  return instanceFault(text.slice(0, LONGEST_TEXT));
}

const HIDDEN = "[host redacted]";

/** The stream held no event, or named another model. */
export function emptyStream(): AttemptFailure {
  return instanceFault("EMPTY_STREAM");
}

/** A language model answered without saying what it used. */
export function invalidResponse(): AttemptFailure {
  return { ...instanceFault("INVALID_RESPONSE"), penalty: "delete" };
}

function overloaded(): AttemptFailure {
  const detail = "All instances are at capacity, try again later.";
  return { label: "RATE_LIMIT", effect: "next", penalty: "none", status: RATE_LIMITED, detail };
}

function keyExchangeRequired(): AttemptFailure {
  return { ...instanceFault("KEY_EXCHANGE_REQUIRED"), penalty: "delete" };
}

function callerGone(): AttemptFailure {
  return { label: "CLIENT_DISCONNECTED", effect: "stop", penalty: "none", status: 499, detail: "Client disconnected" };
}

function badRequest(status: number, detail: unknown): AttemptFailure {
  return { label: "BAD_REQUEST", effect: "stop", penalty: "none", status, detail };
}

/** Nobody answered: another try may work, which is what 503 says to the SDK. */
function instanceFault(label: string): AttemptFailure {
  return {
    label,
    effect: "next",
    penalty: "failure",
    status: 503,
    detail: "Exhausted all available instances without an answer.",
  };
}

/**
 * Most 4xx come from the engine and are about the request. The instance's own "not found" is not: it could not decrypt the
 * path. @see protocol 04 §7.3
 */
function isCallersFault(status: number, detail: unknown): boolean {
  if (status < 400 || status >= 500 || INSTANCE_FAULTS.has(status)) return false;
  return status !== 404 || detail !== "Not Found";
}

/** The body's `detail`, else the whole body, else its text. */
function detailOf(body: Buffer): unknown {
  const text = body.toString("utf8");
  try {
    const parsed: unknown = JSON.parse(text);
    return (Object(parsed) as { detail?: unknown }).detail ?? parsed;
  } catch {
    return text.slice(0, LONGEST_TEXT);
  }
}

function shortText(detail: unknown): string {
  return (typeof detail === "string" ? detail : JSON.stringify(detail)).slice(0, LONGEST_TEXT);
}

import type { ErrorCode } from "./error-codes.js";

/** What went wrong, in the one vocabulary that HTTP, sockets, jobs and the command line share. */
export type ErrorKind =
  | "invalid"
  | "unauthorized"
  | "payment_required"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "gone"
  | "too_large"
  | "unprocessable"
  | "locked_resource"
  | "upgrade_required"
  | "rate_limited"
  | "unavailable"
  | "config"
  | "locked"
  | "aborted";

/** HTTP status of each kind. `locked_resource` is the wire's 423 (a chute at capacity). */
export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  payment_required: 402,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unprocessable: 422,
  locked_resource: 423,
  upgrade_required: 426,
  rate_limited: 429,
  unavailable: 503,
  config: 500,
  locked: 409,
  aborted: 499,
};

/** Process exit code of each kind; anything that is not an AppError exits 1. */
export const EXIT_CODE: Readonly<Record<ErrorKind, number>> = {
  invalid: 2,
  unauthorized: 1,
  payment_required: 1,
  forbidden: 1,
  not_found: 1,
  conflict: 1,
  gone: 1,
  too_large: 2,
  unprocessable: 2,
  locked_resource: 1,
  upgrade_required: 1,
  rate_limited: 1,
  unavailable: 1,
  config: 2,
  locked: 5,
  aborted: 130,
};

export interface AppErrorOptions {
  /** Stable code of the table, e.g. `CFG001`. */
  readonly code?: ErrorCode;
  /** The exact thing to do about it: a command, or the field and a legal value. */
  readonly fix?: string;
  readonly cause?: unknown;
  /** JSON body of `detail` when it must be an object (e.g. the quota 402). Defaults to the message. */
  readonly detail?: unknown;
  /** Extra response headers, e.g. `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The one error class. The message is written for the user who sees it: never secrets, never internals. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly kind: ErrorKind;
  readonly code: ErrorCode | undefined;
  readonly fix: string | undefined;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ErrorKind, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = options.code;
    this.fix = options.fix;
    this.detail = options.detail ?? message;
    this.headers = options.headers ?? {};
  }
}

/** Exit code for anything thrown. */
export function exitCodeOf(error: unknown): number {
  return error instanceof AppError ? EXIT_CODE[error.kind] : 1;
}

/** Text of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { AppError } from "../../../kernel/errors.js";
import { pause } from "../../../kernel/lifecycle.js";

/** How often and how slowly a failed request is repeated. */
export interface RetryPolicy {
  /** Attempts after the first one. */
  readonly retries: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** @see protocol 08 §7.2 */
export const RETRIES: RetryPolicy = { retries: 5, firstPauseMs: 1000, longestPauseMs: 30_000 };

/** Thrown by an attempt that may succeed later. */
export class TryAgain extends Error {
  override readonly name = "TryAgain";
  /** What the server asked for, in milliseconds. */
  readonly afterMs: number | undefined;

  constructor(message: string, afterMs?: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** Repeats an attempt while it throws TryAgain or AppError `unavailable`; in the end AppError `unavailable`. */
export async function withRetries<Result>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!isTemporary(error) || signal.aborted) throw error;
      if (failures >= policy.retries) throw finalError(error);
      await pause(pauseMs(policy, failures, error), signal);
    }
  }
}

function isTemporary(error: unknown): error is Error {
  return error instanceof TryAgain || (error instanceof AppError && error.kind === "unavailable");
}

function finalError(error: Error): AppError {
  return error instanceof AppError ? error : new AppError("unavailable", error.message, { cause: error });
}

/** Doubling, with a random part so that many clients do not come back at once. */
function pauseMs(policy: RetryPolicy, failures: number, error: Error): number {
  if (error instanceof TryAgain && error.afterMs !== undefined) return Math.min(error.afterMs, policy.longestPauseMs);
  const ceiling = Math.min(policy.firstPauseMs * 2 ** failures, policy.longestPauseMs);
  return ceiling * (0.5 + Math.random() / 2);
}

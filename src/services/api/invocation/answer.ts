import type { WholeAnswer } from "../../../infra/instances/instance-body.js";
import type { TracedAttempt } from "../../../wire/trace.js";

/** Why a call failed for good. */
export interface Refusal {
  readonly status: number;
  readonly detail: unknown;
}

/** Writes what happens to a call to its client, in the form that the client asked for. */
export interface Answer {
  /** Content has gone out: nothing can be tried elsewhere any more. */
  readonly hasBegun: boolean;
  /** The call was let in; that many instances may serve it. */
  opened(candidates: number): void;
  attempting(attempt: TracedAttempt): void;
  failed(attempt: TracedAttempt, label: string): void;
  succeeded(attempt: TracedAttempt): void;
  /** Lines of a stream. The promise, if any, resolves when the client has taken enough of them. */
  lines(lines: readonly Buffer[]): Promise<void> | undefined;
  /** The whole answer of a function that does not stream. */
  whole(answer: WholeAnswer): void;
  /** The stream is complete. */
  end(): void;
  refuse(refusal: Refusal): void;
}

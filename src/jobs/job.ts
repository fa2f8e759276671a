import type { Db } from "../infra/postgres/client.js";
import type { Logger } from "../kernel/logger.js";

/** What one run of a job may use. */
export interface JobRun {
  readonly signal: AbortSignal;
  readonly now: () => Date;
  readonly log: Logger;
  /** Number of this lease; grows with every holder. */
  readonly fence: bigint;
  /** Call first in every writing transaction: throws AppError `locked` JOB001 when the lease was lost meanwhile. */
  guard(tx: Db): Promise<void>;
}

export interface JobResult {
  /** How many things the run worked on. */
  readonly items: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A unit of scheduled work. Runs never overlap, on one machine or on many: the lease sees to it. @see protocol 10 §14 */
export interface Job {
  readonly name: string;
  readonly summary: string;
  /** Seconds from the end of one run to the start of the next. */
  readonly everySeconds: number;
  /** One run may take this long. */
  readonly timeoutSeconds: number;
  /** Health is bad when a critical job has not succeeded for three intervals. */
  readonly critical: boolean;
  run(run: JobRun): Promise<JobResult>;
}

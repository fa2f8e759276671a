import type { ProfileName } from "../../domain/scoring/profiles.js";
import type { ChainReader } from "../../infra/chain/client.js";
import { AppError } from "../../kernel/errors.js";
import type { WeightTolerance } from "./checks/compare-weights.js";
import type { RetryPolicy } from "./fetch/retry.js";

const DAY_MS = 86_400_000;
const MAX_DAYS = 366;

/** What to verify: an API (`api`, `dir`) or local files (`csv`, `reports`, `audit`). */
export interface VerifyOptions {
  readonly netuid: number;
  readonly api?: string;
  /** Directory of downloads and state, for `api`. */
  readonly dir?: string;
  readonly csv?: readonly string[];
  readonly reports?: readonly string[];
  readonly audit?: readonly string[];
  /** File with the answer of `GET /miner/metagraph`. */
  readonly metagraph?: string;
  /** File with the answer of `GET /chutes/gpu_count_history`. */
  readonly gpuCounts?: string;
  /** SS58 of the audited validator; for an API with one validator it is found. */
  readonly hotkey?: string;
  readonly from?: Date;
  readonly to?: Date;
  /** Length of the window before `to`; default 7. */
  readonly days?: number;
  /** A time, a block number, or by default whatever fits the weights on chain best. */
  readonly asOf?: Date | number | "auto";
  readonly profile?: ProfileName | "auto";
  /** Default: what the reports say, else true. */
  readonly oneHotkeyPerColdkey?: boolean;
  /** Parallel downloads; default 4. */
  readonly jobs?: number;
  /** Largest plan of downloads in bytes; default 200 GB. */
  readonly maxBytes?: number;
  /** Hash every stored file again. */
  readonly recheck?: boolean;
  readonly tolerance?: Partial<WeightTolerance>;
}

export interface VerifyDeps {
  /** Undefined: offline, all chain checks are skipped. */
  readonly chain?: ChainReader;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly retries?: RetryPolicy;
}

export interface VerifyProgress {
  readonly phase: "download" | "read";
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
}

/** @throws AppError `invalid` for combinations that mean nothing. */
export function checkOptions(options: VerifyOptions, now: Date): void {
  const hasFiles = [options.csv, options.reports, options.audit].some((paths) => (paths?.length ?? 0) > 0);
  if (options.api !== undefined && hasFiles) throw usage("verify either an API or local files, not both");
  if (options.api === undefined && !hasFiles) throw usage("nothing to verify: name an API or local files");
  if (options.api !== undefined && options.dir === undefined) throw usage("an API needs a directory for its files");
  if (options.from !== undefined && options.from >= (options.to ?? now)) {
    throw usage("the window ends before it begins");
  }
  if (!((options.days ?? 7) > 0 && windowDays(options, now) <= MAX_DAYS)) {
    throw usage(`the window must be longer than nothing and at most ${MAX_DAYS} days`);
  }
}

function windowDays({ from, to, days }: VerifyOptions, now: Date): number {
  return from === undefined ? (days ?? 7) : ((to ?? now).getTime() - from.getTime()) / DAY_MS;
}

function usage(message: string): AppError {
  return new AppError("invalid", message, { fix: "verify --api URL --dir PATH, or verify --csv FILE --audit FILE" });
}

import type { ChainReader } from "../../../infra/chain/client.js";
import { AppError } from "../../../kernel/errors.js";
import type { CollectedReport } from "../evidence.js";
import { HOUR_MS } from "../evidence.js";
import type { ChainSubject } from "./subject.js";

/** The first minute is looked at closely: a young validator's shares still move by the second. */
const SECONDS_BEFORE = [0, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800] as const;
const RANGE_POINTS = 12;
/** Blocks of an epoch on the main network. */
const TEMPO_BLOCKS = 360;
const BLOCK_MS = 12_000;

/** Moments at which the weights may have been computed; the best fit is taken. */
export interface AsOfPlan {
  readonly method: "given" | "block" | "last_update" | "epoch_range" | "published" | "window_end" | "now";
  readonly candidates: readonly [Date, ...Date[]];
  readonly block: number | null;
}

export interface AsOfContext {
  readonly wanted: Date | number | "auto";
  readonly chain: ChainReader | undefined;
  readonly subject: ChainSubject | undefined;
  readonly reports: readonly CollectedReport[];
  readonly now: Date;
}

/** @see protocol 08 §7.6 @throws AppError `invalid` for a block that cannot be read. */
export async function planAsOf(context: AsOfContext): Promise<AsOfPlan> {
  const { wanted, chain, subject } = context;
  if (wanted instanceof Date) return { method: "given", candidates: [wanted], block: null };
  if (typeof wanted === "number")
    return { method: "block", candidates: [await timeOfBlock(chain, wanted)], block: wanted };
  const block = subject?.neuron?.lastUpdateBlock ?? 0;
  const isSet = chain !== undefined && subject !== undefined && subject.weights.length > 0 && block > 0;
  if (!isSet) return offlinePlan(context);
  const time = await timeOfBlock(chain, block);
  if (subject.rules.commitReveal)
    return { method: "epoch_range", candidates: await rangeBefore(chain, block, time), block };
  const before = SECONDS_BEFORE.map((seconds) => new Date(time.getTime() - seconds * 1000));
  // A block's time is when it was opened on some chains, and weights may have come in until the next one.
  const next = await chain.blockAt(block + 1);
  return {
    method: "last_update",
    candidates: [time, ...before.slice(1), ...(next === undefined ? [] : [next.time])],
    block,
  };
}

function offlinePlan({ reports, now }: AsOfContext): AsOfPlan {
  const published = reports.findLast(({ report }) => report.published !== undefined)?.report.published;
  if (published !== undefined) return { method: "published", candidates: [published.asOf], block: null };
  const end = reports.findLast((report) => report.end !== undefined)?.end;
  if (end !== undefined) return { method: "window_end", candidates: [end], block: null };
  return { method: "now", candidates: [now], block: null };
}

async function timeOfBlock(chain: ChainReader | undefined, block: number): Promise<Date> {
  const head = await chain?.blockAt(block);
  if (head === undefined)
    throw new AppError("invalid", `block ${block} cannot be read`, { fix: "--as-of with a time" });
  return head.time;
}

/** While commits are revealed later, the visible row is older than the last update: it was committed up to two epochs
 *  before. */
async function rangeBefore(chain: ChainReader, block: number, time: Date): Promise<[Date, ...Date[]]> {
  const first = await chain.blockAt(Math.max(1, block - 2 * TEMPO_BLOCKS));
  const start = first?.time.getTime() ?? time.getTime() - 2 * TEMPO_BLOCKS * BLOCK_MS;
  const step = (time.getTime() - start) / (RANGE_POINTS - 1);
  return [time, ...Array.from({ length: RANGE_POINTS - 1 }, (_, index) => new Date(start + Math.round(index * step)))];
}

/** Relative change that a share may have seen while no data covers it: twice the uncovered time over the scored time.
 *  @param spanHours length of the scored history, at most a week. */
export function driftOf(uncertainHours: number, spanHours: number): number {
  return (2 * Math.max(0, uncertainHours)) / Math.min(168, Math.max(1, spanHours));
}

/** Hours between the last moment that reports cover and an evaluation time. */
export function uncoveredHours(reports: readonly CollectedReport[], asOf: Date): number {
  const covered = reports.findLast((report) => report.end !== undefined);
  if (covered?.end === undefined) return 0;
  const until = Math.min(covered.report.window?.closedAt?.getTime() ?? covered.end.getTime(), covered.end.getTime());
  return Math.max(0, asOf.getTime() - until) / HOUR_MS;
}

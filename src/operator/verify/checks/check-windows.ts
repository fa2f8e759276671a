import { HOUR_MS, hourOf } from "../evidence.js";
import type { CheckBook } from "./check-book.js";

/** Blocks carry the clock of their author. */
const CLOCK_SKEW_MS = 30_000;

/** A window with a report, and what V01 looks at. */
export interface ReportedWindow {
  readonly name: string;
  readonly start: Date;
  readonly end: Date;
  /** When it was closed before its end. */
  readonly closedAt: Date | null;
  readonly block: number | undefined;
  /** Undefined when no chain was asked. */
  readonly blockTime: Date | undefined;
}

/** V01 over windows in ascending order. Returns the ends of the hours between `from` and `to` that no window covers.
 *  @see protocol 08 §7.7 */
export function checkWindows(
  windows: readonly ReportedWindow[],
  expected: { readonly from: Date; readonly to: Date },
  book: CheckBook,
): Date[] {
  for (const [index, window] of windows.entries()) {
    const problem = problemOf(window, windows[index - 1]);
    const remark = remarkOf(window);
    if (problem !== undefined) book.found("V01", "incomplete", { subject: window.name, message: problem });
    else if (remark !== undefined) book.found("V01", "warning", { subject: window.name, message: remark });
    else book.ok("V01");
  }
  const missing = missingEnds(windows, expected);
  for (const end of missing) {
    const subject = `hour until ${end.toISOString()}`;
    book.found("V01", "incomplete", { subject, message: "has no report" });
  }
  return missing;
}

function problemOf(window: ReportedWindow, before: ReportedWindow | undefined): string | undefined {
  if (window.end.getTime() - window.start.getTime() !== HOUR_MS || window.start.getTime() % HOUR_MS !== 0) {
    return `covers ${window.start.toISOString()} to ${window.end.toISOString()}, not one full hour`;
  }
  if (before !== undefined && window.start < before.end) return `overlaps with ${before.name}`;
  if (before?.block !== undefined && window.block !== undefined && window.block <= before.block) {
    return `has block ${window.block}, not above block ${before.block} of ${before.name}`;
  }
  const closedMs = Math.min(window.closedAt?.getTime() ?? window.end.getTime(), window.end.getTime());
  const isEarly = window.blockTime !== undefined && window.blockTime.getTime() < closedMs - CLOCK_SKEW_MS;
  return isEarly ? `block ${window.block} is older than the end of the hour` : undefined;
}

/** Nothing is missing then, but the reader should know: an hour that is not over, or one that was exported after an outage and
 *  could have been rewritten until then. */
function remarkOf({ closedAt, end, block, blockTime }: ReportedWindow): string | undefined {
  if (closedAt !== null && closedAt < end) return `was exported at ${closedAt.toISOString()}, before its end`;
  const isLate = blockTime !== undefined && blockTime.getTime() > end.getTime() + HOUR_MS + CLOCK_SKEW_MS;
  return isLate ? `was committed in block ${block}, more than an hour after its end` : undefined;
}

function missingEnds(windows: readonly ReportedWindow[], { from, to }: { from: Date; to: Date }): Date[] {
  const covered = new Set(windows.map((window) => hourOf(window.start)));
  const missing: Date[] = [];
  for (let hour = Math.ceil(from.getTime() / HOUR_MS); (hour + 1) * HOUR_MS <= to.getTime(); hour += 1) {
    if (!covered.has(hour)) missing.push(new Date((hour + 1) * HOUR_MS));
  }
  return missing;
}

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
    if (problem !== undefined) book.found("V01", "incomplete", { subject: window.name, message: problem });
    else if (window.closedAt !== null && window.closedAt < window.end) {
      const message = `the hour was exported at ${window.closedAt.toISOString()}, before its end`;
      book.found("V01", "warning", { subject: window.name, message });
    } else book.ok("V01");
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
  if ((window.block ?? 0) < (before?.block ?? 0)) return `has a lower block than ${before?.name ?? "the one before"}`;
  return blockTimeProblem(window);
}

function blockTimeProblem({ block, blockTime, closedAt, end }: ReportedWindow): string | undefined {
  if (blockTime === undefined) return undefined;
  const earliest = Math.min(closedAt?.getTime() ?? end.getTime(), end.getTime()) - CLOCK_SKEW_MS;
  if (blockTime.getTime() < earliest) return `block ${block} is older than the end of the hour`;
  const isLate = blockTime.getTime() > end.getTime() + HOUR_MS + CLOCK_SKEW_MS;
  return isLate ? `block ${block} is more than an hour younger than the end of the hour` : undefined;
}

function missingEnds(windows: readonly ReportedWindow[], { from, to }: { from: Date; to: Date }): Date[] {
  const covered = new Set(windows.map((window) => hourOf(window.start)));
  const missing: Date[] = [];
  for (let hour = Math.ceil(from.getTime() / HOUR_MS); (hour + 1) * HOUR_MS <= to.getTime(); hour += 1) {
    if (!covered.has(hour)) missing.push(new Date((hour + 1) * HOUR_MS));
  }
  return missing;
}

import { exportPath } from "../../domain/audit/audit-report.js";
import { AppError } from "../../kernel/errors.js";

/** The oldest date that the wire knows. */
const FIRST_EXPORT = Date.UTC(2024, 11, 14);
/** An hour that runs may have been exported early. */
const HOUR_MS = 3_600_000;

/** The file that an export URL names. */
interface WantedFile {
  /** Object key. */
  readonly path: string;
  readonly fileName: string;
  readonly notFound: () => AppError;
}

/**
 * Reads the parts of `/invocations/exports/{year}/{month}/{day}/{file}`; numbers with or without leading zeros.
 * @throws AppError `invalid` for another file name, `unprocessable` for a part that is no number, `not_found` for an hour that cannot be
 * @see protocol 08 §3.1, 04 §12.5
 */
export function wantedFile(
  parts: { readonly year: string; readonly month: string; readonly day: string; readonly file: string },
  now: Date,
): WantedFile {
  const match = /^(\d+)(?:-(reports|jobs))?\.csv$/.exec(parts.file);
  if (match === null) throw new AppError("invalid", `Invalid format: ${parts.file}`);
  const year = numberOf(parts.year);
  const month = numberOf(parts.month);
  const day = numberOf(parts.day);
  const hour = Number(match[1]);
  const notFound = () =>
    new AppError("not_found", `Invocations export not found year=${year} month=${month} day=${day} hour=${hour}`);
  const end = new Date(Date.UTC(year, month - 1, day, hour));
  if (!isExact(end, [year, month, day, hour]) || end.getTime() < FIRST_EXPORT) throw notFound();
  if (end.getTime() >= now.getTime() + HOUR_MS) throw notFound();
  const kind = match[2] === "reports" || match[2] === "jobs" ? match[2] : "invocations";
  const suffix = kind === "invocations" ? "" : `-${kind}`;
  const stem = end.toISOString().slice(0, 13).replace("T", "-");
  return { path: exportPath(end, kind), fileName: `${stem}${suffix}.csv`, notFound };
}

function numberOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new AppError("unprocessable", "year, month and day must be numbers");
  return Number(text);
}

/** An impossible date rolls over to another one; comparing the parts finds it. */
function isExact(date: Date, parts: readonly number[]): boolean {
  const actual = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours()];
  return actual.every((part, index) => part === parts[index]);
}

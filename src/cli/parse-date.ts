import { AppError } from "../kernel/errors.js";

/**
 * Reads an ISO time from a flag; without a zone it is UTC.
 * @throws AppError `invalid` naming the flag
 */
export function parseDate(text: string, flag: string): Date {
  const date = new Date(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) || !text.includes("T") ? text : `${text}Z`);
  if (!Number.isNaN(date.getTime())) return date;
  throw new AppError("invalid", `--${flag} is not an ISO time: ${text}`, {
    fix: `e.g. --${flag} 2026-01-08T00:00:00Z`,
  });
}

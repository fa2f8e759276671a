import { AppError } from "../kernel/errors.js";

const DATABASE_TEXT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|[+-]00(?::?00)?)?$/;

/**
 * `2025-10-01T12:00:00.123456`: UTC, no zone, always six digits.
 * `microseconds` is the whole fraction of the second (0…999999), for clocks finer than a Date. @see protocol 04 §8.3
 */
export function naiveIso(date: Date, microseconds: number = date.getUTCMilliseconds() * 1000): string {
  return `${date.toISOString().slice(0, 19)}.${String(microseconds).padStart(6, "0")}`;
}

/** `2026-01-02T03:04:05.123000+00:00`: what miners' parsers accept. @see protocol 05 §1.4 */
export function offsetIso(date: Date): string {
  return `${naiveIso(date)}+00:00`;
}

/** `2025-10-09T08:53:20.123000Z`, the form of account records. @see protocol 01 §6.3 */
export function zuluIso(date: Date): string {
  return `${naiveIso(date)}Z`;
}

/**
 * `2026-01-07 14:00:00[.123456]`: UTC, the fraction only when it is not zero, then always six digits. Takes a Date, or the
 * database's own text of a UTC timestamp to keep its microseconds. Throws AppError `invalid` for other text. @see protocol 08 §2.4
 */
export function csvTimestamp(value: Date | string): string {
  const text = typeof value === "string" ? value : value.toISOString();
  const match = DATABASE_TEXT.exec(text);
  if (match === null) throw new AppError("invalid", `not a UTC timestamp: ${text}`);
  const [, day, time, fraction = ""] = match;
  return /[1-9]/.test(fraction) ? `${day} ${time}.${fraction.padEnd(6, "0")}` : `${day} ${time}`;
}

/** As `csvTimestamp` with the zone of the report columns appended. @see protocol 08 §2.4 */
export function csvOffsetTimestamp(value: Date | string): string {
  return `${csvTimestamp(value)}+00:00`;
}

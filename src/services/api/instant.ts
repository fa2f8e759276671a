import { AppError } from "../../kernel/errors.js";

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]?\d\d:?\d\d)?)?$/i;

/**
 * A time of a query string: an ISO date, or a date and time, UTC where it names no zone. Empty is like absent.
 * @throws AppError `invalid` naming the parameter
 */
export function instantOf(text: string | undefined, name: string): Date | undefined {
  if (text === undefined || text === "") return undefined;
  const [, day, time = "00:00:00", zone = "Z"] = ISO.exec(text) ?? [];
  // A plus sign that was not escaped arrives as a space, which the pattern above has taken.
  const offset = /^\d/.test(zone) ? `+${zone}` : zone.toUpperCase();
  const instant = new Date(`${day}T${time}${offset}`);
  if (Number.isNaN(instant.getTime()) || !isDay(day)) throw new AppError("invalid", `${name} is not an ISO date`);
  return instant;
}

/** Whether a text of the form `YYYY-MM-DD` is a day of the calendar. Dates roll over: the 31st of February is the 3rd of March. */
export function isDay(day: string | undefined): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(String(day));
}

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
  if (Number.isNaN(instant.getTime())) throw new AppError("invalid", `${name} is not an ISO date`);
  return instant;
}

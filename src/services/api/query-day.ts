import { AppError } from "../../kernel/errors.js";

const DAY = /^[1-9]\d{3}-\d\d-\d\d$/;

/**
 * A day of a query string as `YYYY-MM-DD`; empty is like absent.
 * @throws AppError `unprocessable` in the list shape for anything that is no day of the calendar
 */
export function queryDay(input: string | undefined, name: string): string | undefined {
  if (input === undefined || input === "") return undefined;
  const at = new Date(`${input}T00:00:00Z`);
  // Dates roll over: the 31st of February is the 3rd of March.
  if (DAY.test(input) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(input)) return input;
  const problem = { type: "date_parsing", loc: ["query", name], msg: "must be a day as YYYY-MM-DD", input };
  throw new AppError("unprocessable", `${name} must be a day as YYYY-MM-DD`, { detail: [problem] });
}

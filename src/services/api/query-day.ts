import { AppError } from "../../kernel/errors.js";
import { isDay } from "./instant.js";

const DAY = /^[1-9]\d{3}-\d\d-\d\d$/;

/**
 * A day of a query string as `YYYY-MM-DD`; empty is like absent.
 * @throws AppError `unprocessable` in the list shape for anything that is no day of the calendar
 */
export function queryDay(input: string | undefined, name: string): string | undefined {
  if (input === undefined || input === "") return undefined;
  if (DAY.test(input) && isDay(input)) return input;
  const problem = { type: "date_parsing", loc: ["query", name], msg: "must be a day as YYYY-MM-DD", input };
  throw new AppError("unprocessable", `${name} must be a day as YYYY-MM-DD`, { detail: [problem] });
}

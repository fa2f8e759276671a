import { AppError } from "../../../kernel/errors.js";
import { parseQueryBoolean } from "../../../wire/python.js";

/**
 * A yes/no parameter in the spellings of Python clients; absent means no.
 * @throws AppError `unprocessable` in the list shape for any other word
 */
export function queryFlag(query: Readonly<Record<string, unknown>>, name: string): boolean {
  const input = query[name];
  if (input === undefined) return false;
  const flag = typeof input === "string" ? parseQueryBoolean(input) : undefined;
  if (flag !== undefined) return flag;
  const problem = { type: "bool_parsing", loc: ["query", name], msg: "must be a boolean word", input };
  throw new AppError("unprocessable", `${name} must be a boolean word`, { detail: [problem] });
}

import { AppError } from "../kernel/errors.js";
import { parseJson } from "../wire/json.js";

const RECORD_PREFIX = "data: {";
const EMPTY_LIST = "data: NO_ITEMS";

/**
 * Records of a `/miner/*` list. Undefined for an empty answer, which means "no news" and not "nothing": only the explicit
 * marker does. Throws AppError `unavailable` for a record that is no JSON, because a list with a hole is worse than none.
 * @see protocol 05 §4
 */
export function lineRecords(text: string): unknown[] | undefined {
  const lines = text.split("\n");
  const records = lines.filter((line) => line.startsWith(RECORD_PREFIX)).map(recordOf);
  return records.length > 0 || lines.includes(EMPTY_LIST) ? records : undefined;
}

function recordOf(line: string): unknown {
  try {
    return parseJson(line.slice("data: ".length));
  } catch (cause) {
    throw new AppError("unavailable", "the platform sent a list with a broken record", { cause });
  }
}

import { AppError } from "../kernel/errors.js";
import { gunzipBounded } from "./instance-cipher.js";
import { readPickle } from "./pickle-reader.js";

const MOST_INFLATED_BYTES = 64 * 1024 * 1024;
const MOST_VALUES = 2_000_000;
const DEEPEST = 200;
const PASSTHROUGH_KEYWORDS: ReadonlySet<unknown> = new Set(["json", "params"]);

/**
 * Payload for the instance from the body of an SDK call: two base64 gzip pickles. A passthrough cord takes the keywords `json`
 * and `params`; any other takes at most one positional argument.
 * Throws AppError `invalid` for other shapes and for what JSON cannot hold, `too_large` beyond 64 MiB. @see protocol 04 §1.3
 */
export function decodeSdkCall(call: { readonly args: string; readonly kwargs: string }, passthrough: boolean): unknown {
  const args = decodePart(call.args);
  const kwargs = decodePart(call.kwargs);
  if (!Array.isArray(args) || !(kwargs instanceof Map))
    throw new AppError("invalid", "args must be a tuple and kwargs a dict");
  return passthrough ? passthroughPayload(args, kwargs) : plainPayload(args, kwargs);
}

function passthroughPayload(args: readonly unknown[], kwargs: ReadonlyMap<unknown, unknown>): unknown {
  if (args.length > 0) throw new AppError("invalid", "a passthrough function takes no positional arguments");
  for (const key of kwargs.keys()) {
    if (!PASSTHROUGH_KEYWORDS.has(key))
      throw new AppError("invalid", `a passthrough function takes json and params, not ${String(key)}`);
  }
  const json = new JsonConverter();
  return {
    json: json.convert(kwargs.get("json") ?? null, 0),
    params: json.convert(kwargs.get("params") ?? new Map(), 0),
  };
}

function plainPayload(args: readonly unknown[], kwargs: ReadonlyMap<unknown, unknown>): unknown {
  if (kwargs.size > 0) throw new AppError("invalid", "the function takes no keyword arguments: pass one object");
  if (args.length > 1) throw new AppError("invalid", "the function takes at most one argument");
  return args.length === 0 ? {} : new JsonConverter().convert(args[0], 0);
}

function decodePart(base64: string): unknown {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new AppError("invalid", "args and kwargs must be base64");
  return readPickle(gunzipBounded(Buffer.from(base64, "base64"), MOST_INFLATED_BYTES));
}

/** A pickle may name one value many times, so that a small one describes a huge tree, or a cycle: both are counted out. */
class JsonConverter {
  #left = MOST_VALUES;

  convert(value: unknown, depth: number): unknown {
    this.#left--;
    if (this.#left < 0 || depth > DEEPEST)
      throw new AppError("invalid", "the arguments are too large or nested too deeply");
    if (Array.isArray(value)) return value.map((item) => this.convert(item, depth + 1));
    if (value instanceof Map)
      return Object.fromEntries(Array.from(value, ([key, item]) => [keyOf(key), this.convert(item, depth + 1)]));
    if (typeof value === "object" && value !== null) throw new AppError("invalid", "bytes and sets have no JSON form");
    if (typeof value === "number" && !Number.isFinite(value))
      throw new AppError("invalid", "NaN and infinity have no JSON form");
    return value;
  }
}

function keyOf(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "number" || typeof key === "bigint") return String(key);
  throw new AppError("invalid", "a dict key must be text to have a JSON form");
}

import { AppError, messageOf } from "../../../kernel/errors.js";

type Json = Readonly<Record<string, unknown>>;

/** What nobody may set by hand: prices are computed, and clients choose models by the rest. @see protocol 04 §12.1 */
const FIXED: ReadonlySet<string> = new Set(["price", "pricing", "id", "root", "max_model_len"]);

/**
 * Members of the model list that the operator sets, by chute name or chute id.
 * @param text the setting: a JSON object of objects, or nothing
 * @throws AppError `config` when it is something else
 */
export function modelOverrides(text: string): ReadonlyMap<string, Json> {
  if (text.trim() === "") return new Map();
  const entries = Object.entries(parsed(text)).map(([model, members]) => {
    if (!isObject(members)) throw unusable(`${model} is not an object`);
    return [model, Object.fromEntries(Object.entries(members).filter(([name]) => !FIXED.has(name)))] as const;
  });
  return new Map(entries);
}

function parsed(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw unusable(messageOf(cause));
  }
  throw unusable("it is not an object");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unusable(why: string): AppError {
  return new AppError("config", `gateway.modelOverrides (MODEL_OVERRIDES) is not a JSON object of objects: ${why}`, {
    code: "CFG001",
    fix: `write it like {"org/model":{"description":"…"}}`,
  });
}

import { AppError } from "../errors.js";

/**
 * Reads a setting that is a JSON object of numbers, e.g. `{"*":200}`.
 * @param key dotted name of the setting, for the message
 * @throws AppError `config` CFG001 when it is something else, or a number is below zero
 */
export function numberMap(text: string, key: string): ReadonlyMap<string, number> {
  const entries = Object.entries(parsed(text) ?? refuse(key));
  for (const [, value] of entries) if (typeof value !== "number" || !Number.isFinite(value) || value < 0) refuse(key);
  return new Map(entries as [string, number][]);
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function refuse(key: string): never {
  throw new AppError("config", `${key} must be a JSON object of numbers that are not below zero`, {
    code: "CFG001",
    fix: `write it like {"*":200}`,
  });
}

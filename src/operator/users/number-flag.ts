import { AppError } from "../../kernel/errors.js";

/** The number of a flag; null when it was not given. @throws AppError `invalid` naming the flag */
export function numberFlag(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new AppError("invalid", `--${flag} is not a number: ${text}`, { fix: `e.g. --${flag} 1.5` });
}

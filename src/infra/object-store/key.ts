import { AppError } from "../../kernel/errors.js";
import type { ByteRange, ObjectSummary } from "./store.js";

/** Limits of S3 for a key, and of file systems for one name in a path. */
const LONGEST_KEY_BYTES = 1024;
const LONGEST_NAME_BYTES = 255;

/**
 * Lets through relative paths without empty, `.` or `..` parts, control characters, lone surrogates or backslashes: such a key stays inside
 * its folder and means the same to every store.
 * @throws AppError `invalid`
 */
export function checkKey(key: string): void {
  const names = key.split("/");
  const isSafe =
    Buffer.byteLength(key) <= LONGEST_KEY_BYTES &&
    !/[\x00-\x1f\x7f\\\p{Surrogate}]/u.test(key) &&
    names.every(
      (name) => name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= LONGEST_NAME_BYTES,
    );
  if (!isSafe) throw new AppError("invalid", `not an object key: ${JSON.stringify(key.slice(0, 200))}`);
}

/** A prefix is the beginning of a key: empty, or cut off anywhere. @throws AppError `invalid` */
export function checkPrefix(prefix: string): void {
  if (prefix !== "") checkKey(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
}

/** @throws AppError `invalid` when the range is no range, or starts behind the last byte */
export function checkRange(
  { start, end }: ByteRange,
  { key, sizeBytes }: Pick<ObjectSummary, "key" | "sizeBytes">,
): void {
  const isRange =
    Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end >= start));
  if (!isRange || start >= sizeBytes) throw new AppError("invalid", `${key} has no bytes ${start}-${end ?? ""}`);
}

/** The order of listings. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** First and last byte, both included. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range header asks for. Undefined, meaning the whole, for several ranges, other units and ranges that make no sense.
 * @returns `unsatisfiable` when it starts behind the last byte
 */
export function rangeOf(header: string | undefined, sizeBytes: number): Range | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  return start >= sizeBytes ? "unsatisfiable" : { start, end };
}

/** True when an If-None-Match header names the tag, in its weak form too. */
export function namesTag(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}

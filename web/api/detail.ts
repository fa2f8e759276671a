/** The words of an error body's `detail`: a sentence, a list of rejected fields, or an object with a message. */
export function detailText(body: unknown): string | undefined {
  const detail = memberOf(body, "detail") ?? memberOf(body, "error");
  if (typeof detail === "string" && detail !== "") return detail;
  if (Array.isArray(detail)) return detail.map(fieldProblem).join("; ") || undefined;
  const message = memberOf(detail, "message");
  return typeof message === "string" ? message : undefined;
}

/** `{ loc: ["body", "name"], msg: "too short" }` → `name: too short`. */
function fieldProblem(problem: unknown): string {
  const where = memberOf(problem, "loc");
  const field = Array.isArray(where) ? where.slice(1).join(".") : "";
  const message = String(memberOf(problem, "msg") ?? "is not valid");
  return field === "" ? message : `${field}: ${message}`;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

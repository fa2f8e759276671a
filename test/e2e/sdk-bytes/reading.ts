import type { Answer } from "./socket.js";

/** The client would have crashed, or shown nothing but raw text, where a user expects a result. */
export class ClientBroke extends Error {}

export type Json = Readonly<Record<string, unknown>>;

/** The SDK's JSON parser refuses other content types, before it looks at the status. */
export function json(answer: Answer): Json {
  const type = answer.headers["content-type"] ?? "";
  if (!/^application\/json\b/.test(type)) throw new ClientBroke(`content type ${type} is not JSON: ${show(answer)}`);
  const value: unknown = JSON.parse(answer.body.toString());
  if (typeof value !== "object" || value === null) throw new ClientBroke(`not an object: ${show(answer)}`);
  return value as Json;
}

/** The result of a command that wants exactly this status. */
export function success(answer: Answer, status = 200): Json {
  if (answer.status !== status) throw new ClientBroke(`status ${answer.status}, not ${status}: ${show(answer)}`);
  return json(answer);
}

/** The sentence that a failing command prints. */
export function printedError(answer: Answer): { readonly status: number; readonly detail: unknown } {
  return { status: answer.status, detail: json(answer)["detail"] };
}

/** Members that the command prints or formats, each of the type it needs. */
export function members<Names extends string>(
  value: Json,
  types: Readonly<Record<Names, "string" | "number" | "boolean" | "object">>,
): Json & Record<Names, never> {
  for (const [name, type] of Object.entries(types))
    if (typeof value[name] !== type || value[name] === null)
      throw new ClientBroke(`${name} is not a ${String(type)}: ${JSON.stringify(value)}`);
  return value as Json & Record<Names, never>;
}

export interface Page {
  readonly total: number;
  readonly items: readonly Json[];
  readonly cordRefs: Readonly<Record<string, unknown>>;
}

/** A table: every cell must be text (null prints empty). */
export function page(answer: Answer, columns: readonly string[]): Page {
  const body = members(success(answer), { total: "number", items: "object" }) as Json;
  const items = body["items"] as Json[];
  for (const item of items)
    for (const column of columns)
      if (typeof item[column] !== "string" && item[column] !== null)
        throw new ClientBroke(`cell ${column} is not text: ${JSON.stringify(item)}`);
  return { total: Number(body["total"]), items, cordRefs: (body["cord_refs"] ?? {}) as Json };
}

/** The table of chutes: its cords come from the shared definitions. @see protocol 03 §9.3 */
export function chutePage(answer: Answer): Page & { readonly cords: readonly (readonly Json[])[] } {
  const listed = page(answer, ["chute_id", "name", "slug", "created_at", "cord_ref_id"]);
  if (json(answer)["cord_refs"] === null) throw new ClientBroke("cord_refs is null");
  const cords = listed.items.map((item) => {
    if (typeof item["hot"] !== "boolean") throw new ClientBroke("hot is not a boolean");
    const shared = listed.cordRefs[String(item["cord_ref_id"])];
    if (!Array.isArray(shared)) throw new ClientBroke(`no cord_refs entry for ${String(item["cord_ref_id"])}`);
    for (const cord of shared as Json[])
      for (const name of ["function", "stream", "public_api_method", "public_api_path"])
        if (!(name in cord)) throw new ClientBroke(`a cord lacks ${name}`);
    return shared as Json[];
  });
  return { ...listed, cords };
}

/** Lines of an event stream that the SDK looks at. */
export function events(text: string): readonly Json[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)) as Json);
}

function show(answer: Answer): string {
  return `${answer.status} ${answer.body.toString().slice(0, 300)}`;
}

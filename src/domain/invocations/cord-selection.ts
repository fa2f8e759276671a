import type { Cord } from "../../wire/cords.js";
import { parseQueryBoolean } from "../../wire/python.js";
import type { Chute } from "../chutes/chute.js";

/** What a request says about the function it wants. */
export interface CordRequest {
  /** Public path, e.g. `/v1/chat/completions`. */
  readonly path: string;
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Functions of the language templates whose tokens are counted. */
const LLM_FUNCTIONS: ReadonlySet<string> = new Set(["/chat_stream", "/completion_stream", "/chat", "/completion"]);

/**
 * First function whose public path and method match; on `vllm` chutes its streaming must be what was asked for.
 * @see protocol 04 §4.2
 */
export function selectCord(chute: Pick<Chute, "cords" | "standardTemplate">, request: CordRequest): Cord | undefined {
  const wantsStream = wantsStreaming(request);
  return chute.cords.find(
    (cord) =>
      cord.public_api_path === request.path &&
      (cord.public_api_method ?? "POST") === request.method &&
      (chute.standardTemplate !== "vllm" || cord.stream === wantsStream),
  );
}

/** The body's `stream`, else the query's; undefined for a value that is neither yes nor no, which matches nothing. */
function wantsStreaming({ body, query }: Pick<CordRequest, "body" | "query">): boolean | undefined {
  const flag = body["stream"] ?? query["stream"] ?? false;
  if (typeof flag === "boolean") return flag;
  if (flag === 1 || flag === 0) return flag === 1;
  return typeof flag === "string" ? parseQueryBoolean(flag) : undefined;
}

/** Whether the request is handed to the engine behind the function as it is. @see protocol 04 §4.5 */
export function isPassthrough(chute: Pick<Chute, "standardTemplate">, cord: Cord): boolean {
  return cord.passthrough || chute.standardTemplate === "vllm" || chute.standardTemplate === "tei";
}

/** Whether the tokens of this function are counted and priced. @see protocol 04 §4.2 */
export function countsTokens(chute: Pick<Chute, "standardTemplate">, cord: Cord): boolean {
  return chute.standardTemplate === "vllm" && LLM_FUNCTIONS.has(cord.path);
}

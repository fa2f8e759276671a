import { AppError } from "../../kernel/errors.js";
import type { Cord } from "../../wire/cords.js";
import { stringifyJson } from "../../wire/json.js";
import { decodeSdkCall } from "../../wire/pickle.js";
import { promptPrefixHashes } from "../../wire/prefix-hashes.js";
import type { Chute } from "../chutes/chute.js";
import { type CordRequest, countsTokens, isPassthrough, selectCord } from "./cord-selection.js";
import { shapeDiffusionBody, stepsOf } from "./diffusion-body.js";
import { estimatePromptTokens } from "./llm-meter.js";
import { shapeVllmBody } from "./vllm-body.js";

type Json = Record<string, unknown>;

/** A request, ready for any instance of its chute. */
export interface PreparedCall {
  readonly cord: Cord;
  /** JSON that the instance gets. */
  readonly payload: Buffer;
  /** What the call is measured and paid by. */
  readonly measuredBy: "tokens" | "steps" | "time";
  /** Our own count of the prompt's tokens; 0 when tokens are not counted. */
  readonly promptEstimate: number;
  /** Diffusion steps; 0 when they are not counted. */
  readonly steps: number;
  /** MD5 digests of the prompt's prefixes, longest first. */
  readonly prefixes: readonly string[];
}

/**
 * The function a public request means, and what it is called with.
 * @throws AppError `not_found` without a matching function, `invalid` when the body does not suit the chute's template
 * @see protocol 04 §4.2, §4.3, §4.5
 */
export function prepareCall(chute: Chute, request: CordRequest): PreparedCall {
  const cord = selectCord(chute, request);
  if (cord === undefined) throw new AppError("not_found", "No matching cord found!");
  return preparedFor(chute, cord, { ...request, body: { ...request.body } });
}

/**
 * The function an SDK call means: the body holds pickles, the path is the internal one. Undefined when it is not such a call.
 * @throws AppError `invalid` for pickles that hold anything but plain data
 * @see protocol 04 §1.3
 */
export function prepareSdkCall(
  chute: Chute,
  { path, body }: Pick<CordRequest, "path" | "body">,
): PreparedCall | undefined {
  const { args, kwargs, ...others } = body;
  if (typeof args !== "string" || typeof kwargs !== "string" || Object.keys(others).length > 0) return undefined;
  const cord = chute.cords.find((candidate) => candidate.path === path);
  if (cord === undefined) return undefined;
  const passthrough = isPassthrough(chute, cord);
  const decoded = decodeSdkCall({ args, kwargs }, passthrough) as Json;
  if (!passthrough) return preparedFor(chute, cord, { body: decoded, query: {} });
  return preparedFor(chute, cord, { body: Object(decoded["json"] ?? {}) as Json, query: decoded["params"] as Json });
}

function preparedFor(chute: Chute, cord: Cord, request: { body: Json; query: Json }): PreparedCall {
  const measuredBy = measureOf(chute, cord);
  const body = shapeBody(chute, cord, request.body);
  const text = stringifyJson(body);
  const isLlm = measuredBy === "tokens";
  const payload = isPassthrough(chute, cord) ? `{"json":${text},"params":${stringifyJson(request.query)}}` : text;
  return {
    cord,
    payload: Buffer.from(payload, "utf8"),
    measuredBy,
    promptEstimate: isLlm ? estimatePromptTokens(Buffer.byteLength(text)) : 0,
    steps: measuredBy === "steps" ? stepsOf(body) : 0,
    prefixes: isLlm ? promptPrefixHashes(body).map(({ md5 }) => md5) : [],
  };
}

function shapeBody(chute: Chute, cord: Cord, body: Json): Json {
  if (chute.standardTemplate === "vllm" && cord.public_api_method !== "GET") {
    return shapeVllmBody(body, { model: chute.name, isStream: cord.stream });
  }
  return chute.standardTemplate === "diffusion" ? shapeDiffusionBody(body) : body;
}

function measureOf(chute: Chute, cord: Cord): PreparedCall["measuredBy"] {
  if (countsTokens(chute, cord)) return "tokens";
  return chute.standardTemplate === "diffusion" && cord.path === "/generate" ? "steps" : "time";
}

import type { Chute } from "../../../domain/chutes/chute.js";
import { type PreparedCall, prepareCall, prepareSdkCall } from "../../../domain/invocations/prepared-call.js";
import { shapeAggregateBody } from "../../../domain/invocations/vllm-body.js";
import { AppError } from "../../../kernel/errors.js";
import { parseJson } from "../../../wire/json.js";

type Json = Record<string, unknown>;

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** A request's own words. */
export interface ClientRequest {
  readonly method: string;
  /** Path that the function is looked up by. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** @throws AppError `invalid` unless the body is a JSON object, or the method has none. @see protocol 04 §2 */
function parseBody({ method, body }: Pick<ClientRequest, "method" | "body">): Json {
  if (!METHODS_WITH_BODY.has(method)) return {};
  const parsed = parseJson(body);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Json;
  throw new AppError("invalid", "invalid request JSON payload: it must be an object");
}

/** Body of a shared host's request, with what the host adds. */
export function parseAggregateBody(request: ClientRequest, wantsThinking: boolean): Json {
  return shapeAggregateBody(parseBody(request), wantsThinking);
}

/** What was meant, or why it cannot be: said only once the caller was let in. @see protocol 04 §3.1 */
export type Preparation =
  | { readonly prepared: PreparedCall; readonly isSdkCall: boolean }
  | { readonly refusal: AppError };

/**
 * @param known the body, when it was parsed before
 * @param mayBeSdkCall the request came to a chute's path on the API's host
 */
export function prepare(
  chute: Chute,
  request: ClientRequest,
  how: { readonly known?: Json; readonly mayBeSdkCall: boolean },
): Preparation {
  try {
    const body = how.known ?? parseBody(request);
    const sdkCall = how.mayBeSdkCall ? prepareSdkCall(chute, { path: request.path, body }) : undefined;
    if (sdkCall !== undefined) return { prepared: sdkCall, isSdkCall: true };
    return { prepared: prepareCall(chute, { ...request, body }), isSdkCall: false };
  } catch (error) {
    if (error instanceof AppError) return { refusal: error };
    throw error;
  }
}

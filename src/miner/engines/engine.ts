import type { Cord } from "../../wire/cords.js";
import { stringifyJson } from "../../wire/json.js";

/** One call of a chute's function, decrypted. */
export interface EngineRequest {
  /** The function that was called, as the chute declares it. */
  readonly cord: Cord;
  /** Body of a passthrough call, or the argument object of any other function. */
  readonly body: unknown;
  /** Query of a passthrough call. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Aborted when the caller has gone; the engine stops working then. */
  readonly signal: AbortSignal;
}

/** What the engine answers. Errors are answers too: status 400 or more with a JSON body. */
export type EngineReply = WholeReply | StreamReply;

export interface WholeReply {
  readonly status: number;
  readonly contentType: string;
  /** The finished body; JSON text when the content type says so. */
  readonly body: Uint8Array;
}

export interface StreamReply {
  readonly status: number;
  readonly contentType: string;
  /** Bytes as they come: chunks of any size for a passthrough cord, one chunk per yielded item for any other. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/** What stands behind an instance: it answers the calls of one chute. */
export interface Engine {
  handle(request: EngineRequest): Promise<EngineReply>;
}

/** A JSON answer. */
export function jsonReply(value: unknown, status = 200): WholeReply {
  return { status, contentType: "application/json", body: Buffer.from(stringifyJson(value), "utf8") };
}

/** An error in the shape of OpenAI-compatible servers. */
export function errorReply(status: number, message: string): WholeReply {
  const type = status === 404 ? "NotFoundError" : "BadRequestError";
  return jsonReply({ error: { message, type, param: null, code: status } }, status);
}

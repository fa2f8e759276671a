import { Type } from "typebox";
import { Value } from "typebox/value";
import { stringifyJson } from "../../wire/json.js";
import { type EngineReply, type EngineRequest, errorReply, jsonReply } from "./engine.js";
import { greyJpeg } from "./grey-jpeg.js";

const DEFAULT_IMAGE_PIXELS = 1024;
const Pixels = Type.Integer({ minimum: 1, maximum: 4096 });

/**
 * Stands in for a developer's own function, which cannot run here: tells which function was called and hands its arguments
 * back. JSON by default; a stream yields one event per argument; text types get the same as text, `image/jpeg` a grey picture
 * of the asked size; other media types cannot be made up and are refused with 422.
 */
export function echoFunction({ cord, body }: EngineRequest): EngineReply {
  const called = { function: cord.function, path: cord.path };
  if (cord.stream) {
    return { status: 200, contentType: "text/event-stream", stream: argumentEvents(called, body) };
  }
  const type = cord.output_content_type ?? "application/json";
  if (type === "application/json") return jsonReply({ ...called, echo: body });
  if (type.startsWith("text/")) {
    return { status: 200, contentType: type, body: Buffer.from(stringifyJson({ ...called, echo: body })) };
  }
  if (type === "image/jpeg") {
    return { status: 200, contentType: type, body: greyJpeg(pixelsOf(body, "width"), pixelsOf(body, "height")) };
  }
  return errorReply(422, `this miner runs no code of chutes and cannot make up ${type}`);
}

async function* argumentEvents(called: object, body: unknown): AsyncGenerator<Uint8Array> {
  yield event(called);
  for (const [name, value] of Object.entries(body ?? {})) yield event({ echo: { [name]: value } });
  yield Buffer.from("data: [DONE]\n\n");
}

function event(value: object): Uint8Array {
  return Buffer.from(`data: ${stringifyJson(value)}\n\n`);
}

function pixelsOf(body: unknown, side: "width" | "height"): number {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, side) : undefined;
  return Value.Check(Pixels, value) ? value : DEFAULT_IMAGE_PIXELS;
}

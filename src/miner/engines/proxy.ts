import type { Readable } from "node:stream";
import type { HttpAnswer, HttpClient } from "../../infra/http-client/client.js";
import { AppError } from "../../kernel/errors.js";
import { stringifyJson } from "../../wire/json.js";
import { LineSplitter } from "../line-splitter.js";
import { type Engine, type EngineReply, type EngineRequest, errorReply } from "./engine.js";
import { echoFunction } from "./function-echo.js";
import { ENGINE_PATH, operationOf } from "./operations.js";
import { renamer, ServedModel } from "./served-model.js";

const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

export interface ProxyOptions {
  /** OpenAI-compatible server, with or without the trailing `/v1`. */
  readonly engineUrl: string;
  /** Name under which the platform calls the model: the chute's. */
  readonly model: string;
  /** Must allow an answer the time it takes to generate. */
  readonly http: HttpClient;
  readonly now: () => Date;
}

/**
 * Puts a running OpenAI-compatible server behind an instance: status, content type and bytes pass as they come, streams
 * unbuffered. Only the model's name is translated when the server knows it by another. Functions of the chute that are not
 * passed through are echoed (`echoFunction`).
 */
export function createProxyEngine(options: ProxyOptions): Engine {
  const url = options.engineUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
  const served = new ServedModel(options.http, url, options.now);
  return {
    handle: (request) =>
      request.cord.passthrough ? forward({ ...options, url, served }, request) : Promise.resolve(echoFunction(request)),
  };
}

interface Target extends ProxyOptions {
  readonly url: string;
  readonly served: ServedModel;
}

async function forward(target: Target, request: EngineRequest): Promise<EngineReply> {
  const name = await target.served.nameFor(target.model);
  const rename = name === target.model ? undefined : renamer(name, target.model);
  try {
    const answer = await send(target, request, name);
    return isEventStream(answer) ? streamOf(answer, rename) : await wholeOf(answer, rename);
  } catch (error) {
    if (!(error instanceof AppError) || request.signal.aborted) throw error;
    // The client's own words would name the engine's address to strangers.
    return errorReply(503, "the engine behind this instance does not answer");
  }
}

function send({ url, http }: Target, request: EngineRequest, model: string): Promise<HttpAnswer<Readable>> {
  const { cord, signal } = request;
  const operation = operationOf(cord);
  const path = operation === undefined ? (cord.public_api_path ?? cord.path) : ENGINE_PATH[operation];
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(request.params)) query.append(key, String(value));
  const target = `${url}${path}${query.size > 0 ? `?${query}` : ""}`;
  if (operation === "models" || cord.public_api_method === "GET") return http.open(target, { signal });
  const body = stringifyJson(withModel(request.body, model));
  return http.open(target, { method: "POST", body, headers: { "content-type": "application/json" }, signal });
}

function withModel(body: unknown, model: string): unknown {
  return typeof body === "object" && body !== null && "model" in body ? { ...body, model } : body;
}

function isEventStream(answer: HttpAnswer<Readable>): boolean {
  return answer.status < 400 && contentTypeOf(answer).startsWith("text/event-stream");
}

type Rename = ((text: string) => string) | undefined;

function streamOf(answer: HttpAnswer<Readable>, rename: Rename): EngineReply {
  const stream: AsyncIterable<Uint8Array> = rename === undefined ? answer.body : renamedLines(answer.body, rename);
  return { status: answer.status, contentType: contentTypeOf(answer), stream };
}

async function* renamedLines(body: Readable, rename: (text: string) => string): AsyncGenerator<Uint8Array> {
  const splitter = new LineSplitter();
  for await (const chunk of body) yield renamed(splitter.push(chunk), rename);
  yield renamed(splitter.rest(), rename);
}

function renamed(lines: readonly Uint8Array[], rename: (text: string) => string): Uint8Array {
  return Buffer.from(rename(Buffer.concat(lines).toString("utf8")), "utf8");
}

async function wholeOf(answer: HttpAnswer<Readable>, rename: Rename): Promise<EngineReply> {
  const body = await readAll(answer.body);
  return {
    status: answer.status,
    contentType: contentTypeOf(answer),
    body: rename === undefined ? body : renamed([body], rename),
  };
}

async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new AppError("too_large", "the engine's answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

function contentTypeOf({ headers }: HttpAnswer<unknown>): string {
  const type = headers["content-type"];
  return typeof type === "string" ? type : "application/octet-stream";
}

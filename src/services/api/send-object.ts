import type { FastifyReply, FastifyRequest } from "fastify";
import type { ObjectStore } from "../../infra/object-store/store.js";
import { AppError } from "../../kernel/errors.js";

export interface PublicObject {
  readonly key: string;
  readonly contentType: string;
  readonly sha256: string;
  readonly fileName?: string;
  /** The bytes never change, so that caches may keep them. */
  readonly isFinal: boolean;
}

/**
 * Streams a stored object with length, ETag, conditional and single-range requests; HEAD answers the same headers.
 * @throws AppError `not_found` when the store does not hold it
 * @see protocol 08 §3
 */
export async function sendObject(
  store: ObjectStore,
  exchange: { request: FastifyRequest; reply: FastifyReply },
  object: PublicObject,
): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const info = await store.head(object.key);
  if (info === undefined) throw new AppError("not_found", `no object ${object.key}`);
  const etag = `"${object.sha256}"`;
  reply.headers({
    "content-type": object.contentType,
    etag,
    "accept-ranges": "bytes",
    "x-chutes-sha256": object.sha256,
    "cache-control": object.isFinal ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (object.fileName !== undefined) reply.header("content-disposition", `attachment; filename="${object.fileName}"`);
  if (request.headers["if-none-match"]?.split(",").some((tag) => tag.trim() === etag)) return reply.code(304).send();
  const range = rangeOf(request, { etag, sizeBytes: info.sizeBytes });
  if (range === "unsatisfiable")
    return reply
      .code(416)
      .header("content-range", `bytes */${info.sizeBytes}`)
      .send({ detail: "Requested range not satisfiable" });
  if (range !== undefined)
    reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${info.sizeBytes}`);
  const length = range === undefined ? info.sizeBytes : range.end - range.start + 1;
  reply.header("content-length", length);
  if (request.method === "HEAD" || length === 0) return reply.send("");
  const found = await store.get(object.key, range);
  if (found === undefined) throw new AppError("not_found", `no object ${object.key}`);
  return reply.send(found.body);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** One byte range; several ranges, other units and a failed If-Range give the whole object. */
function rangeOf(
  request: FastifyRequest,
  object: { etag: string; sizeBytes: number },
): Range | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  const condition = request.headers["if-range"];
  if (match === null || (condition !== undefined && condition !== object.etag)) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, object.sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? object.sizeBytes - 1 : Math.min(Number(last), object.sizeBytes - 1);
  return start > end || start >= object.sizeBytes ? "unsatisfiable" : { start, end };
}

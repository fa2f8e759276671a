import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ObjectStore } from "../../infra/object-store/store.js";
import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import { namesTag, type Range, rangeOf } from "./byte-range.js";

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** How a public answer presents itself. */
interface Presentation {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly fileName?: string;
}

interface PublicObject extends Presentation {
  readonly key: string;
  /** Hash of the object's bytes; its quoted form is the ETag. */
  readonly sha256: string;
  /** When known: an object of another size is not the one that was hashed. */
  readonly sizeBytes?: number;
}

/** For what never changes, and for what must be asked for again. */
export const CACHE = { forever: "public, max-age=31536000, immutable", revalidate: "no-cache" } as const;

/**
 * Streams a stored object with length, ETag, conditional and single-range requests; HEAD answers the same headers.
 * @returns false, with nothing sent, when the store does not hold it
 * @throws AppError `unavailable` while the object is being replaced
 * @see protocol 08 §3
 */
export async function sendObject(store: ObjectStore, exchange: Exchange, object: PublicObject): Promise<boolean> {
  const info = await store.head(object.key);
  if (info === undefined) return false;
  const { sizeBytes } = info;
  if (object.sizeBytes !== undefined && object.sizeBytes !== sizeBytes) throw beingReplaced();
  await send(exchange, { ...object, sizeBytes }, async (range) => {
    const found = await store.get(object.key, range);
    if (found?.info.sizeBytes === sizeBytes) return found.body;
    found?.body.destroy();
    throw beingReplaced();
  });
  return true;
}

/** Sends bytes made for this answer in the same way. `sha256` spares hashing them when it is known. */
export async function sendBytes(
  exchange: Exchange,
  bytes: Buffer,
  how: Presentation & { readonly sha256?: string },
): Promise<void> {
  const tagged = { ...how, sha256: how.sha256 ?? sha256Hex(bytes), sizeBytes: bytes.length };
  await send(exchange, tagged, async (range) =>
    range === undefined ? bytes : bytes.subarray(range.start, range.end + 1),
  );
}

interface Tagged extends Presentation {
  readonly sha256: string;
  readonly sizeBytes: number;
}

async function send(
  { request, reply }: Exchange,
  what: Tagged,
  read: (range: Range | undefined) => Promise<Readable | Buffer>,
): Promise<void> {
  const { sizeBytes } = what;
  const headers = headersOf(what);
  if (namesTag(request.headers["if-none-match"], headers.etag)) return void reply.code(304).headers(headers).send();
  const range = request.method === "HEAD" ? undefined : wantedRange(request, { etag: headers.etag, sizeBytes });
  if (range === "unsatisfiable") return void refuseRange(reply, sizeBytes);
  // A body read for HEAD would only be thrown away; an empty stream leaves the length below alone.
  const body = request.method === "HEAD" ? Readable.from([]) : await read(range);
  if (range !== undefined) reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${sizeBytes}`);
  reply.headers({
    ...headers,
    "content-type": what.contentType,
    "content-length": range === undefined ? sizeBytes : range.end - range.start + 1,
    ...(what.fileName === undefined ? {} : { "content-disposition": `attachment; filename="${what.fileName}"` }),
  });
  reply.send(body);
}

function headersOf({ sha256, cacheControl }: Tagged) {
  return {
    etag: `"${sha256}"`,
    "accept-ranges": "bytes",
    "x-chutes-sha256": sha256,
    "cache-control": cacheControl,
  };
}

/** A failed If-Range condition asks for the whole. */
function wantedRange({ headers }: FastifyRequest, { etag, sizeBytes }: { etag: string; sizeBytes: number }) {
  const condition = headers["if-range"];
  return condition === undefined || condition === etag ? rangeOf(headers.range, sizeBytes) : undefined;
}

function refuseRange(reply: FastifyReply, sizeBytes: number): void {
  reply.code(416).header("content-range", `bytes */${sizeBytes}`).send({ detail: "Requested range not satisfiable" });
}

function beingReplaced(): AppError {
  return new AppError("unavailable", "this file is being replaced, ask again", { headers: { "retry-after": "5" } });
}

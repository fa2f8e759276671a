import type { Readable } from "node:stream";
import type { CompletedPart, S3Client } from "@aws-sdk/client-s3";
import { AppError } from "../../kernel/errors.js";
import { isStatus } from "./s3-errors.js";

export interface Upload {
  readonly sdk: typeof import("@aws-sdk/client-s3");
  readonly client: S3Client;
  readonly where: { Bucket: string; Key: string };
  readonly contentType: string;
  readonly ifAbsent?: boolean;
}

/** All parts but the last must be of one size of at least 5 MiB. Two parts are all that is ever held. */
const PART_BYTES = 8 * 1024 * 1024;
const MOST_PARTS = 10_000;

/** Cuts a stream into buffers of exactly one part, and a shorter last one; an empty stream is one empty buffer. */
export async function* partsOf(body: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let held = 0;
  let isFirst = true;
  for await (const piece of body) {
    const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece);
    chunks.push(chunk);
    held += chunk.length;
    while (held >= PART_BYTES) {
      const joined = joinedOf(chunks);
      yield joined.subarray(0, PART_BYTES);
      isFirst = false;
      chunks = [joined.subarray(PART_BYTES)];
      held -= PART_BYTES;
    }
  }
  if (held > 0 || isFirst) yield joinedOf(chunks);
}

/** Joining one chunk would copy it, and what is left of a large buffer is one chunk, again and again. */
function joinedOf(chunks: readonly Buffer[]): Buffer {
  const [only, ...others] = chunks;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(chunks);
}

/** Stores one part with one request, more as a multipart upload that shows nothing until it is complete. */
export async function uploadParts(upload: Upload, parts: AsyncGenerator<Buffer>): Promise<"stored" | "exists"> {
  const first = await parts.next();
  const second = await parts.next();
  if (first.done === true || second.done === true) return putWhole(upload, first.value ?? Buffer.alloc(0));
  return putMultipart(upload, prepend([first.value, second.value], parts));
}

async function* prepend<T>(head: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* head;
  yield* rest;
}

function putWhole({ sdk, client, where, contentType, ifAbsent }: Upload, Body: Buffer): Promise<"stored" | "exists"> {
  const request = { ...where, Body, ContentLength: Body.length, ContentType: contentType };
  return conditionally(ifAbsent, (condition) => client.send(new sdk.PutObjectCommand({ ...request, ...condition })));
}

async function putMultipart(upload: Upload, parts: AsyncIterable<Buffer>): Promise<"stored" | "exists"> {
  const { sdk, client, where, contentType, ifAbsent } = upload;
  const started = await client.send(new sdk.CreateMultipartUploadCommand({ ...where, ContentType: contentType }));
  const target = { ...where, UploadId: started.UploadId };
  // Parts of an upload that never ends are stored, and billed, for ever.
  const abort = () => client.send(new sdk.AbortMultipartUploadCommand(target)).catch(() => undefined);
  try {
    const Parts = await sendParts(upload, target, parts);
    const request = { ...target, MultipartUpload: { Parts } };
    const outcome = await conditionally(ifAbsent, (condition) =>
      client.send(new sdk.CompleteMultipartUploadCommand({ ...request, ...condition })),
    );
    if (outcome === "exists") await abort();
    return outcome;
  } catch (error) {
    await abort();
    throw error;
  }
}

type Target = Upload["where"] & { readonly UploadId: string | undefined };

async function sendParts(
  { sdk, client }: Upload,
  target: Target,
  parts: AsyncIterable<Buffer>,
): Promise<CompletedPart[]> {
  const sent: CompletedPart[] = [];
  for await (const Body of parts) {
    const PartNumber = sent.length + 1;
    if (PartNumber > MOST_PARTS) throw new AppError("too_large", `${target.Key} is larger than ${MOST_PARTS} parts`);
    const request = { ...target, PartNumber, Body, ContentLength: Body.length };
    const { ETag } = await client.send(new sdk.UploadPartCommand(request));
    sent.push({ PartNumber, ETag });
  }
  return sent;
}

type Condition = { readonly IfNoneMatch?: "*" };

/** 412: the object exists; 409: another writer of the same object is faster; 501: the store does not know the condition. */
async function conditionally(
  ifAbsent: boolean | undefined,
  send: (condition: Condition) => Promise<unknown>,
): Promise<"stored" | "exists"> {
  if (ifAbsent !== true) return send({}).then(() => "stored");
  try {
    await send({ IfNoneMatch: "*" });
  } catch (error) {
    if (isStatus(error, 412) || isStatus(error, 409)) return "exists";
    if (!isStatus(error, 501)) throw error;
    await send({});
  }
  return "stored";
}

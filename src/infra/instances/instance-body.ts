import type { ClientHttp2Stream } from "node:http2";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AppError } from "../../kernel/errors.js";
import { decryptBody, gunzipBounded } from "../../wire/instance-cipher.js";
import { parseJson } from "../../wire/json.js";
import type { InstanceAnswer } from "./instance-client.js";
import { isCutOff } from "./instance-lines.js";

const MAX_BODY_BYTES = 192 * 1024 * 1024;
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;
/** Above this the event loop would stand still for milliseconds: another thread inflates. */
const INLINE_BYTES = 64 * 1024;

const gunzipElsewhere = promisify(gunzip);

/** A whole answer of an instance. */
export type WholeAnswer =
  | { readonly kind: "json"; readonly bytes: Buffer }
  | {
      readonly kind: "response";
      readonly bytes: Buffer;
      readonly status: number;
      readonly mediaType: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    };

/**
 * Reads and decrypts a whole answer of status 200.
 * @throws AppError `unavailable` when it breaks off, `invalid` when it does not decrypt or is not shaped like an answer,
 *   `too_large`
 * @see protocol 04 §7.1
 */
export async function readWholeAnswer({ stream, key }: InstanceAnswer): Promise<WholeAnswer> {
  const answer = Object(parseJson(await readBytes(stream, MAX_BODY_BYTES))) as Record<string, unknown>;
  if (typeof answer["json"] === "string") return { kind: "json", bytes: await inflate(key, answer["json"]) };
  if (typeof answer["body"] !== "string") throw new AppError("invalid", "the instance's answer has an unknown shape");
  return {
    kind: "response",
    bytes: await inflate(key, answer["body"]),
    status: isFinalStatus(answer["status_code"]) ? answer["status_code"] : 200,
    mediaType: typeof answer["media_type"] === "string" ? answer["media_type"] : undefined,
    headers: textMembers(answer["headers"]),
  };
}

/** Reads a stream to its end. @throws AppError `unavailable` when it breaks off, `too_large` beyond `maxBytes` */
export function readBytes(stream: ClientHttp2Stream, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    stream.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes > maxBytes) stream.destroy(new AppError("too_large", "the instance's answer is too large"));
    });
    let isWhole = false;
    stream.once("end", () => {
      const [first] = chunks;
      isWhole = !isCutOff(stream);
      if (isWhole) resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
    });
    stream.once("error", reject);
    stream.once("close", () => {
      if (!isWhole) reject(new AppError("unavailable", "the instance broke off its answer"));
    });
  });
}

async function inflate(key: Uint8Array, base64: string): Promise<Buffer> {
  const packed = decryptBody(key, base64);
  if (packed.length <= INLINE_BYTES) return gunzipBounded(packed, MAX_INFLATED_BYTES);
  try {
    return await gunzipElsewhere(packed, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (cause) {
    throw new AppError("invalid", "the instance's answer does not inflate", { cause });
  }
}

function isFinalStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 200 && value < 600;
}

function textMembers(value: unknown): Record<string, string> {
  const entries = Object.entries(Object(value) as Record<string, unknown>);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

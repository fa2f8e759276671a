import type { FastifyRequest } from "fastify";
import { AppError } from "../../kernel/errors.js";

export interface MultipartLimits {
  /** Files that are taken. */
  readonly maxFiles: number;
  /** Longest body in bytes. */
  readonly maxBytes: number;
}

/** The parts of a form by name: a part with a file name is a file, any other is text. */
export interface MultipartForm {
  readonly fields: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, File>;
}

const MAX_PARTS = 32;

/**
 * The form that a client sent, from the bytes that it signed.
 * @throws AppError `invalid` for what is not a whole form, repeats a field or has too many parts, `too_large`
 * @see protocol 02 §3.2, §13
 */
export async function multipartFields(request: FastifyRequest, limits: MultipartLimits): Promise<MultipartForm> {
  const { rawBody } = request;
  if (rawBody.length > limits.maxBytes)
    throw new AppError("too_large", `The form is larger than ${limits.maxBytes} bytes.`);
  const type = request.headers["content-type"] ?? "";
  requireFewParts(rawBody, boundaryOf(type));
  const form = await parse(rawBody, type);
  const fields = new Map<string, string>();
  const files = new Map<string, File>();
  for (const [name, value] of form) {
    if (fields.has(name) || files.has(name)) throw malformed(`repeats the field ${JSON.stringify(name)}`);
    if (typeof value === "string") fields.set(name, value);
    else files.set(name, value);
  }
  if (files.size > limits.maxFiles) throw malformed(`has more than ${limits.maxFiles} file(s)`);
  return { fields, files };
}

function boundaryOf(type: string): string {
  const [, quoted, plain] = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed("is not multipart/form-data with a boundary");
  return boundary;
}

/** Counted before parsing: a form of a million empty parts must cost nothing. */
function requireFewParts(body: Buffer, boundary: string): void {
  const delimiter = Buffer.from(`--${boundary}`);
  let count = 0;
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + delimiter.length)) {
    count += 1;
    // The delimiter after the last part is one more.
    if (count > MAX_PARTS + 1) throw malformed(`has more than ${MAX_PARTS} parts`);
  }
}

async function parse(body: Buffer, type: string): Promise<FormData> {
  try {
    return await new Response(body, { headers: { "content-type": type } }).formData();
  } catch (cause) {
    throw new AppError("invalid", "The request body is not a whole multipart form.", { cause });
  }
}

function malformed(why: string): AppError {
  return new AppError("invalid", `The request body ${why}.`);
}

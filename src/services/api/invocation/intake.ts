import type { IncomingMessage } from "node:http";
import { AppError } from "../../../kernel/errors.js";

const NO_BODY = Buffer.alloc(0);

/**
 * Reads a request's body as it is.
 * @throws AppError `too_large` beyond `maxBytes`, declared or real; `aborted` when the client leaves first
 * @see protocol 04 §2
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { "content-length": declared, "transfer-encoding": chunked } = request.headers;
  if (chunked === undefined && (declared === undefined || declared === "0")) return Promise.resolve(NO_BODY);
  if (Number(declared ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const stop = () => {
      request.off("data", take);
      request.off("end", finish);
      request.off("error", leave);
      request.off("close", leave);
    };
    const take = (chunk: Buffer) => {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes <= maxBytes) return;
      // The rest is not read: the connection ends with the answer.
      stop();
      request.pause();
      reject(tooLarge());
    };
    const finish = () => {
      stop();
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, sizeBytes));
    };
    const leave = () => {
      stop();
      reject(new AppError("aborted", "the client left while sending its request"));
    };
    request.on("data", take);
    request.on("end", finish);
    request.on("error", leave);
    request.on("close", leave);
  });
}

function tooLarge(): AppError {
  return new AppError("too_large", "Request body is too large.", { headers: { connection: "close" } });
}

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
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) {
        // The rest is not read: the connection ends with the answer.
        request.removeAllListeners("data");
        request.pause();
        reject(tooLarge());
        return;
      }
      chunks.push(chunk);
    });
    request.once("end", () => {
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, sizeBytes));
    });
    const gone = () => reject(new AppError("aborted", "the client left while sending its request"));
    request.once("error", gone);
    request.once("close", gone);
  });
}

function tooLarge(): AppError {
  return new AppError("too_large", "Request body is too large.", { headers: { connection: "close" } });
}

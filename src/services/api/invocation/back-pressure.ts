import type { ServerResponse } from "node:http";

/** Writes to a client. The promise, if any, resolves when the client can take more, or has left. */
export function write(response: ServerResponse, bytes: Buffer | string): Promise<void> | undefined {
  if (response.destroyed || response.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
}

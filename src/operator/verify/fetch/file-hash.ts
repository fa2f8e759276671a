import { createHash, type Hash } from "node:crypto";
import { chunksOf } from "../csv/csv-scanner.js";

/** Lower-case hex SHA-256 of a file. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  return (await feedFile(createHash("sha256"), path, signal)).digest("hex");
}

/** Feeds a whole file to a hash that will go on with other bytes. */
export async function feedFile(hash: Hash, path: string, signal: AbortSignal): Promise<Hash> {
  for await (const chunk of chunksOf(path)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash;
}

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compareKeys } from "./key.js";

/** Keys of all files below a folder that begin with `prefix` and come after `after`, in key order; other folders stay shut. */
export async function* walk(root: string, prefix: string, after: string | undefined): AsyncGenerator<string> {
  yield* walkFolder(root, "", { prefix, after });
}

interface Wanted {
  readonly prefix: string;
  readonly after: string | undefined;
}

async function* walkFolder(root: string, folder: string, wanted: Wanted): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  // A folder sorts as its keys do, slash included: "a.csv" comes before "a/b.csv".
  const keys = entries.map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`).sort(compareKeys);
  for (const key of keys) {
    if (!key.endsWith("/")) {
      if (key.startsWith(wanted.prefix) && isAfter(key, wanted.after)) yield key;
    } else if (mayHold(key, wanted)) yield* walkFolder(root, key, wanted);
  }
}

function isAfter(key: string, after: string | undefined): boolean {
  return after === undefined || compareKeys(key, after) > 0;
}

function mayHold(folder: string, { prefix, after }: Wanted): boolean {
  const mayMatch = folder.startsWith(prefix) || prefix.startsWith(folder);
  return mayMatch && (isAfter(folder, after) || after?.startsWith(folder) === true);
}

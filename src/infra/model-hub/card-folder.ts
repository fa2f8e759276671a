import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../kernel/errors.js";
import { asRevision, type ModelSource, parseRecord, parseWeightIndex, type WeightIndex } from "./model-source.js";

const LARGEST_FILE_BYTES = 32 * 1024 * 1024;

/**
 * A folder of model cards, which needs no network. A model `org/name` is described by one of
 * - the file `org/name.json`: `{ "config": { … as in its config.json }, "total_size": bytes of its weights, "revision": 40 hex
 *   digits }`, of which only `config` must be there;
 * - the folder `org/name/` with `config.json`, and, where there are, `model.safetensors.index.json`, the weights themselves, and
 *   a file `revision`. A clone of the model is such a folder.
 * @see protocol 03 §10.5
 */
export function openCardFolder(folder: string): ModelSource {
  const card = async (model: string) => parseRecord((await textAt(join(folder, `${model}.json`))) ?? "");
  return {
    async config(model) {
      const known =
        (await card(model))?.["config"] ?? parseRecord((await textAt(join(folder, model, "config.json"))) ?? "");
      const isObject = typeof known === "object" && known !== null;
      return isObject ? { status: "found", config: known as Record<string, unknown> } : { status: "missing" };
    },
    async weightIndex(model) {
      const own = await card(model);
      if (own === undefined) return folderIndex(join(folder, model));
      const total = own["total_size"];
      return typeof total === "number" && total > 0 ? { totalBytes: total, files: [] } : undefined;
    },
    async fileBytes(model, file) {
      return (await sizeAt(join(folder, model, file))) ?? 0;
    },
    async mainRevision(model) {
      return asRevision((await card(model))?.["revision"] ?? (await textAt(join(folder, model, "revision")))?.trim());
    },
    close: async () => undefined,
  };
}

/** Small models are one file and have no list. */
async function folderIndex(path: string): Promise<WeightIndex | undefined> {
  const text = await textAt(join(path, "model.safetensors.index.json"));
  if (text !== undefined) return parseWeightIndex(text);
  const single = await sizeAt(join(path, "model.safetensors"));
  return single === undefined ? undefined : { totalBytes: single, files: [] };
}

async function textAt(path: string): Promise<string | undefined> {
  const sizeBytes = await sizeAt(path);
  if (sizeBytes === undefined || sizeBytes > LARGEST_FILE_BYTES) return undefined;
  return orMissing(readFile(path, "utf8"));
}

async function sizeAt(path: string): Promise<number | undefined> {
  const found = await orMissing(stat(path));
  return found?.isFile() === true ? found.size : undefined;
}

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    throw new AppError("unavailable", "The folder of model cards cannot be read.", { cause });
  }
}

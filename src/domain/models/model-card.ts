import pLimit from "p-limit";
import type { ModelSource } from "../../infra/model-hub/model-source.js";
import { AppError } from "../../kernel/errors.js";
import { estimatedSizeBytes, type ModelConfig } from "./vllm-guess.js";

/** What is known of a model before it runs. */
export interface ModelCard {
  readonly config: ModelConfig;
  /** Bytes of its weights. */
  readonly sizeBytes: number;
}

/** Files whose sizes are asked for one by one, and how many at a time. */
const MOST_FILES = 200;
const FILES_AT_ONCE = 8;

/**
 * Reads a model's description and how large it is; undefined when there is no such model, `gated` when it is only for those
 * who accepted its conditions.
 * @throws AppError `invalid` for a model whose size nothing tells, `unavailable` when the source is away
 * @see protocol 03 §10.5
 */
export async function readModelCard(
  source: ModelSource,
  model: string,
  signal: AbortSignal,
): Promise<ModelCard | "gated" | undefined> {
  const found = await source.config(model, signal);
  if (found.status === "missing") return undefined;
  if (found.status === "gated") return "gated";
  const { config } = found;
  const sizeBytes = (await sizeOfWeights(source, model, signal)) ?? estimatedSizeBytes(config);
  if (sizeBytes === undefined) throw new AppError("invalid", `The size of model ${model} is not known.`);
  return { config, sizeBytes };
}

async function sizeOfWeights(source: ModelSource, model: string, signal: AbortSignal): Promise<number | undefined> {
  const index = await source.weightIndex(model, signal);
  if (index === undefined) return undefined;
  if (index.totalBytes > 0) return index.totalBytes;
  if (index.files.length === 0 || index.files.length > MOST_FILES) return undefined;
  const limit = pLimit(FILES_AT_ONCE);
  const sizes = await Promise.all(index.files.map((file) => limit(() => source.fileBytes(model, file, signal))));
  // A sum without one of them would be too small to run on.
  return sizes.includes(0) ? undefined : sizes.reduce((sum, bytes) => sum + bytes, 0);
}

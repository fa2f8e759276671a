import type { Running } from "../../kernel/lifecycle.js";

/** A model's `config.json`, or why there is none. */
export type FoundConfig =
  | { readonly status: "found"; readonly config: Readonly<Record<string, unknown>> }
  | { readonly status: "missing" }
  /** Only for those who accepted its conditions. */
  | { readonly status: "gated" };

/** What a model's list of weight files says. */
export interface WeightIndex {
  /** Bytes of all weights; 0 when the list does not say. */
  readonly totalBytes: number;
  /** Paths of the files, each once. */
  readonly files: readonly string[];
}

/**
 * Where models are described: a hub, or a folder of the operator. Models are named `org/name`, both parts as `MODEL_NAME`.
 * Every method throws AppError `unavailable` when the source cannot be read.
 */
export interface ModelSource extends Running {
  config(model: string, signal: AbortSignal): Promise<FoundConfig>;
  weightIndex(model: string, signal: AbortSignal): Promise<WeightIndex | undefined>;
  /** Size of one file of the model in bytes; 0 when it is not known. */
  fileBytes(model: string, file: string, signal: AbortSignal): Promise<number>;
  /** Commit that the model's main branch is at: 40 hex digits. */
  mainRevision(model: string, signal: AbortSignal): Promise<string | undefined>;
}

/** `org/name`. A part of dots alone would leave its folder. @see protocol 03 §10.5 */
export const MODEL_NAME = "^(?!\\.+/)[A-Za-z0-9_.-]+/(?!\\.+$)[A-Za-z0-9_.-]+$";

/** Path of a file inside a model's repository. */
const FILE_PATH = /^(?:(?!\.+\/)[\w.-]+\/)*(?!\.+$)[\w.-]+$/;

/** The parts of a `model.safetensors.index.json` that matter; undefined when it is not one. */
export function parseWeightIndex(text: string): WeightIndex | undefined {
  const index = asRecord(parsed(text));
  if (index === undefined) return undefined;
  const total = asRecord(index["metadata"])?.["total_size"];
  const totalBytes = typeof total === "number" && Number.isFinite(total) && total > 0 ? total : 0;
  const files = [...new Set(Object.values(asRecord(index["weight_map"]) ?? {}))];
  return { totalBytes, files: files.filter((file) => typeof file === "string").filter((file) => FILE_PATH.test(file)) };
}

/** A JSON object, or undefined for anything else. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  return asRecord(parsed(text));
}

/** 40 hex digits, or undefined. */
export function asRevision(value: unknown): string | undefined {
  return typeof value === "string" && /^[0-9a-f]{40}$/i.test(value) ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

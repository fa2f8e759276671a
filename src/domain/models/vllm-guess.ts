import { AppError } from "../../kernel/errors.js";
import type { GpuTable } from "../../wire/gpu-table.js";

/** A model's own description: its `config.json`, whatever is in it. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** Hardware for a model, in its wire form. @see protocol 03 §10.5 */
export interface VllmGuess {
  /** GiB of weights, rounded up. */
  readonly total_model_size: number;
  readonly required_gpus: number;
  /** GB per GPU. */
  readonly min_vram_per_gpu: number;
  /** Family of the model; `default` for unknown ones. */
  readonly model_type: string;
  readonly quantization: "fp8" | "4bit" | "8bit" | "none";
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly hidden_size: number;
  readonly num_layers: number;
}

/** Memory that serving takes, as a multiple of the weights. */
const OVERHEAD: ReadonlyMap<string, number> = new Map([
  ["llama", 1.4],
  ["mistral", 1.4],
  ["phi", 1.2],
  ["falcon", 1.2],
  ["gpt_neox", 1.2],
  ["mpt", 1.2],
  ["qwen", 1.4],
  ["deepseek", 1.5],
]);
const DEFAULT_OVERHEAD = 1.4;
const QUANTIZATION_FACTOR = { fp8: 0.5, "4bit": 0.25, "8bit": 0.5, none: 1 } as const;
const GIB = 2 ** 30;
/** Models beyond that need some more, in GB. */
const LARGE_GB = 800;
const LARGE_FACTOR = 1.1;
const MOST_GPUS = 8;
/** Larger ones are not counted on, in GB. */
const LARGEST_MEMORY_GB = 140;

/**
 * The fewest GPUs, and the smallest of them, on which a model can be served.
 * @param sizeBytes of its weights
 * @throws AppError `invalid` when no eight GPUs of the table hold it
 * @see protocol 03 §10.5
 */
export function guessVllmConfig(
  table: GpuTable,
  { config, sizeBytes }: { readonly config: ModelConfig; readonly sizeBytes: number },
): VllmGuess {
  const sizeGb = Math.ceil(sizeBytes / GIB);
  const family = familyOf(config);
  const quantization = quantizationOf(config);
  const baseGb = sizeGb * (OVERHEAD.get(family) ?? DEFAULT_OVERHEAD) * QUANTIZATION_FACTOR[quantization];
  const neededGb = baseGb > LARGE_GB ? baseGb * LARGE_FACTOR : baseGb;
  const [gpus, memoryGb] = smallestFit(table, config, neededGb);
  return {
    total_model_size: sizeGb,
    required_gpus: gpus,
    min_vram_per_gpu: memoryGb,
    model_type: family,
    quantization,
    num_attention_heads: numberOf(config, "num_attention_heads"),
    num_key_value_heads: numberOf(config, "num_key_value_heads"),
    hidden_size: numberOf(config, "hidden_size"),
    num_layers: numberOf(config, "num_hidden_layers"),
  };
}

/**
 * Bytes of a model's weights at 16 bits each, as far as its description tells; undefined when it does not.
 * @see protocol 03 §10.5
 */
export function estimatedSizeBytes(config: ModelConfig): number | undefined {
  const parameters = numberOf(config, "num_parameters") || parametersOf(config);
  return parameters > 0 ? 2 * parameters : undefined;
}

function parametersOf(config: ModelConfig): number {
  const hidden = numberOf(config, "hidden_size");
  const layers = numberOf(config, "num_hidden_layers");
  const embeddings = 2 * numberOf(config, "vocab_size") * hidden;
  const experts = numberOf(config, "n_routed_experts");
  if (experts === 0) return 4 * layers * hidden ** 2 + embeddings;
  const shared = layers * numberOf(config, "n_shared_experts") * 2 * hidden * numberOf(config, "intermediate_size");
  const routed = layers * experts * 2 * hidden * numberOf(config, "moe_intermediate_size");
  return embeddings + 4 * layers * hidden ** 2 + shared + routed + 4 * layers * hidden;
}

function familyOf(config: ModelConfig): string {
  const architectures = config["architectures"];
  const names = [config["model_type"], Array.isArray(architectures) ? architectures[0] : undefined];
  for (const name of names) {
    const text = typeof name === "string" ? name.toLowerCase() : "";
    const family = [...OVERHEAD.keys()].find((key) => text.includes(key));
    if (family !== undefined) return family;
  }
  return "default";
}

function quantizationOf(config: ModelConfig): VllmGuess["quantization"] {
  const found = config["quantization_config"];
  if (typeof found !== "object" || found === null) return "none";
  const { quant_method: method, bits } = found as { quant_method?: unknown; bits?: unknown };
  if (method === "fp8") return "fp8";
  if (bits === 4) return "4bit";
  return bits === 8 ? "8bit" : "none";
}

function smallestFit(table: GpuTable, config: ModelConfig, neededGb: number): [gpus: number, memoryGb: number] {
  const memories = [...table.values()].map(({ memory }) => memory).filter((memory) => memory <= LARGEST_MEMORY_GB);
  const sizes = memories.sort((a, b) => a - b);
  for (let gpus = 1; gpus <= MOST_GPUS; gpus += 1) {
    // Attention is split between the GPUs, and only evenly.
    if (numberOf(config, "num_attention_heads") % gpus !== 0 || numberOf(config, "hidden_size") % gpus !== 0) continue;
    const memoryGb = sizes.find((size) => size >= Math.ceil(neededGb / gpus));
    if (memoryGb !== undefined) return [gpus, memoryGb];
  }
  throw new AppError(
    "invalid",
    `No ${MOST_GPUS} GPUs of this platform hold the ${Math.ceil(neededGb)} GB that the model needs.`,
  );
}

/** A whole number above zero, else 0: descriptions are anybody's. */
function numberOf(config: ModelConfig, key: string): number {
  const value = config[key];
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

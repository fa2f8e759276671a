import { AppError } from "../kernel/errors.js";
import { DEFAULT_GPU_TABLE } from "../wire/gpu-table.js";
import { sha256Hex } from "../wire/hashes.js";

/** One GPU as the platform's inventory knows it. @see protocol 05 §3.2, 06 §1.1 */
export interface MinerGpu {
  /** 32 hex digits without dashes. */
  readonly uuid: string;
  /** What the driver calls it. */
  readonly name: string;
  /** Key of the platform's GPU table. */
  readonly model: string;
  /** Bytes. */
  readonly memory: number;
  readonly processors: number;
  /** kHz. */
  readonly clockRate: number;
  readonly maxThreadsPerProcessor: number;
}

/** Driver names of the models that can be simulated. */
const DRIVER_NAME: Readonly<Record<string, string>> = {
  "4090": "NVIDIA GeForce RTX 4090",
  "5090": "NVIDIA GeForce RTX 5090",
  a100: "NVIDIA A100 80GB PCIe",
  a100_sxm: "NVIDIA A100-SXM4-80GB",
  b200: "NVIDIA B200",
  h100_sxm: "NVIDIA H100 80GB HBM3",
  h200: "NVIDIA H200",
  l40s: "NVIDIA L40S",
  pro_6000: "NVIDIA RTX PRO 6000 Blackwell Server Edition",
};

/**
 * GPUs that exist only on paper, for a platform that does not verify them; the same owner always gets the same uuids.
 * Throws AppError `invalid` for a model without driver name.
 */
export function simulatedGpus(options: { owner: string; model: string; count: number }): MinerGpu[] {
  const { owner, model, count } = options;
  const name = DRIVER_NAME[model];
  const spec = DEFAULT_GPU_TABLE.get(model);
  if (name === undefined || spec === undefined) {
    throw new AppError("invalid", `cannot simulate a GPU of model ${model}`, {
      fix: `one of ${Object.keys(DRIVER_NAME).join(", ")}`,
    });
  }
  return Array.from({ length: count }, (_, index) => ({
    uuid: sha256Hex(`${owner}:${model}:${index}`).slice(0, 32),
    name,
    model,
    memory: spec.memory * 1e9,
    processors: spec.processors,
    clockRate: spec.clock_rate.boost * 1000,
    maxThreadsPerProcessor: spec.max_threads_per_processor,
  }));
}

/** Device information as claims carry it. @see protocol 06 §1.1 */
export function deviceInfo(gpu: MinerGpu): Record<string, unknown> {
  return {
    uuid: gpu.uuid,
    name: gpu.name,
    memory: gpu.memory,
    processors: gpu.processors,
    clock_rate: gpu.clockRate,
    max_threads_per_processor: gpu.maxThreadsPerProcessor,
  };
}

/** Which GPUs are free. Nothing waits here: whoever finds none comes back later. */
export class GpuPool {
  readonly #gpus: readonly MinerGpu[];
  readonly #taken = new Set<string>();

  constructor(gpus: readonly MinerGpu[]) {
    this.#gpus = gpus;
  }

  /** Takes `count` GPUs of one supported model, or none. */
  take(count: number, supportedModels: readonly string[]): MinerGpu[] | undefined {
    const free = this.#gpus.filter((gpu) => !this.#taken.has(gpu.uuid) && supportedModels.includes(gpu.model));
    const fitting = supportedModels
      .map((model) => free.filter((gpu) => gpu.model === model))
      .find((gpus) => gpus.length >= count);
    const chosen = fitting?.slice(0, count);
    for (const gpu of chosen ?? []) this.#taken.add(gpu.uuid);
    return chosen;
  }

  release(gpus: readonly MinerGpu[]): void {
    for (const gpu of gpus) this.#taken.delete(gpu.uuid);
  }

  get total(): number {
    return this.#gpus.length;
  }

  get busy(): number {
    return this.#taken.size;
  }
}

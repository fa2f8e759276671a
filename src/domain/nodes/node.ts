import { AppError } from "../../kernel/errors.js";
import { type GpuSpec, type GpuTable, matchGpuName } from "../../wire/gpu-table.js";

/** One GPU as a miner announces it, in its wire names. @see protocol 05 §3.2 */
export interface AnnouncedGpu {
  readonly uuid: string;
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
  readonly major?: number | null;
  readonly minor?: number | null;
  readonly processors?: number | null;
  readonly sxm?: boolean | null;
  /** kHz. */
  readonly clock_rate: number;
  readonly max_threads_per_processor?: number | null;
  readonly concurrent_kernels?: boolean | null;
  readonly ecc?: boolean | null;
  /** Position on its server, 0…9. */
  readonly device_index: number;
  /** Key of the GPU table. */
  readonly gpu_identifier: string;
  readonly verification_host: string;
  readonly verification_port: number;
}

/** A GPU whose figures fit its model; what the table knows better than the miner is taken from the table. */
export interface CheckedGpu extends AnnouncedGpu {
  readonly major: number | null;
  readonly minor: number | null;
  readonly processors: number;
  readonly sxm: boolean | null;
  readonly max_threads_per_processor: number;
  readonly concurrent_kernels: boolean | null;
  readonly ecc: boolean | null;
}

/** GB per GiB: drivers report one or the other. */
const GIB = 1.024 ** 3;
const HIGHEST_DEVICE_INDEX = 9;
const LOWEST_PORT = 80;
const HIGHEST_PORT = 65_535;

/**
 * Compares a GPU with the model its name belongs to.
 * @throws AppError `invalid` saying which figure is off
 * @see protocol 05 §3.2, 06 §3.2
 */
export function checkGpu(table: GpuTable, gpu: AnnouncedGpu): CheckedGpu {
  const key = matchGpuName(table, gpu.name);
  const spec = key === undefined ? undefined : table.get(key);
  if (spec === undefined) throw mismatch(gpu, `unknown GPU "${gpu.name}"`);
  if (gpu.gpu_identifier !== key) throw mismatch(gpu, `gpu_identifier must be ${key}`);
  const problem = specProblem(spec, gpu) ?? placeProblem(gpu);
  if (problem !== undefined) throw mismatch(gpu, problem);
  return completed(spec, gpu);
}

function specProblem(spec: GpuSpec, gpu: AnnouncedGpu): string | undefined {
  const memoryGb = Math.floor(gpu.memory / 1e9);
  if (memoryGb < spec.memory - 1 || memoryGb > spec.memory * GIB + 1) return `memory ${gpu.memory}`;
  if ((gpu.processors ?? spec.processors) !== spec.processors) return `processors ${gpu.processors}`;
  const clockMhz = gpu.clock_rate / 1000;
  // 1.1 × boost in whole numbers: the product of doubles would admit a clock just above it.
  if (clockMhz < spec.clock_rate.base || clockMhz * 10 > spec.clock_rate.boost * 11)
    return `clock_rate ${gpu.clock_rate}`;
  return undefined;
}

function placeProblem(gpu: AnnouncedGpu): string | undefined {
  if (gpu.device_index < 0 || gpu.device_index > HIGHEST_DEVICE_INDEX) return `device_index ${gpu.device_index}`;
  const port = gpu.verification_port;
  return port < LOWEST_PORT || port > HIGHEST_PORT ? `verification_port ${port}` : undefined;
}

function completed(spec: GpuSpec, gpu: AnnouncedGpu): CheckedGpu {
  return {
    ...gpu,
    major: spec.major ?? gpu.major ?? null,
    minor: spec.minor ?? gpu.minor ?? null,
    processors: spec.processors,
    sxm: spec.sxm ?? gpu.sxm ?? null,
    max_threads_per_processor: gpu.max_threads_per_processor ?? spec.max_threads_per_processor,
    concurrent_kernels: spec.concurrent_kernels ?? gpu.concurrent_kernels ?? null,
    ecc: spec.ecc ?? gpu.ecc ?? null,
  };
}

function mismatch(gpu: AnnouncedGpu, problem: string): AppError {
  return new AppError("invalid", `GPU parameter validation error: ${gpu.uuid}: ${problem}`);
}

import { AppError } from "../kernel/errors.js";
import { dearestRate, type GpuSpec, type GpuTable } from "./gpu-table.js";

/** What hardware a chute asks for. Absent members take the defaults of the protocol. @see protocol 03 §6.1 */
export interface NodeSelector {
  /** 1…8, default 1. */
  readonly gpu_count?: number;
  /** 16…140, default 16. */
  readonly min_vram_gb_per_gpu?: number;
  /** USD per GPU-hour. */
  readonly max_hourly_price_per_gpu?: number | null;
  readonly include?: readonly string[] | null;
  readonly exclude?: readonly string[] | null;
}

const SMALLEST_VRAM_GB = 16;
/** Cannot share an image with the others. */
const AMD_KEYS: ReadonlySet<string> = new Set(["mi300x"]);

/** Keys of the GPUs that satisfy a selector, sorted; possibly none. @see protocol 03 §6.2 */
export function supportedGpus(table: GpuTable, selector: NodeSelector): string[] {
  const include = lowerCased(selector.include);
  const exclude = lowerCased(selector.exclude);
  const fitting = [...table]
    .filter(([key]) => (include.size === 0 || include.has(key)) && !exclude.has(key))
    .filter(([, spec]) => fits(spec, selector))
    .map(([key]) => key)
    .sort();
  const others = fitting.filter((key) => !AMD_KEYS.has(key));
  return others.length > 0 ? others : fitting;
}

/**
 * Multiplier of a selector: GPUs × the cheapest supported one's multiplier.
 * Throws AppError `invalid` when no GPU is supported. @see protocol 03 §6.4
 */
export function computeMultiplier(table: GpuTable, selector: NodeSelector): number {
  return gpuCountOf(selector) * (cheapestRate(table, selector) / dearestRate(table));
}

/** Price of a selector in USD per hour. Throws AppError `invalid` when no GPU is supported. @see protocol 03 §7.1 */
export function hourlyPriceUsd(table: GpuTable, selector: NodeSelector): number {
  return gpuCountOf(selector) * cheapestRate(table, selector);
}

function gpuCountOf(selector: NodeSelector): number {
  return selector.gpu_count ?? 1;
}

function cheapestRate(table: GpuTable, selector: NodeSelector): number {
  const rates = supportedGpus(table, selector).map((key) => table.get(key)?.hourly_rate ?? Number.POSITIVE_INFINITY);
  if (rates.length === 0) throw new AppError("invalid", "no supported GPU satisfies the node selector");
  return Math.min(...rates);
}

function fits(spec: GpuSpec, selector: NodeSelector): boolean {
  const price = selector.max_hourly_price_per_gpu;
  const isAffordable = price === undefined || price === null || spec.hourly_rate <= price;
  return isAffordable && spec.memory >= (selector.min_vram_gb_per_gpu ?? SMALLEST_VRAM_GB);
}

function lowerCased(keys: readonly string[] | null | undefined): ReadonlySet<string> {
  return new Set(keys?.map((key) => key.toLowerCase()));
}

import { randomBytes, randomInt } from "node:crypto";
import { AppError } from "../../../kernel/errors.js";
import { checkDummyWorkProduct, dummyEncrypt } from "../../../wire/dummy-gpu.js";
import type { GpuTable } from "../../../wire/gpu-table.js";

/** The GPUs that a container runs on. */
export interface BoundGpus {
  readonly uuids: readonly string[];
  /** Key of the GPU table: sets the work that each of them has to do. */
  readonly model: string;
}

export interface SealedKey {
  /** The GPU that can open it. */
  readonly uuid: string;
  readonly seed: bigint;
  readonly iterations: number;
  /** Base64 of IV ‖ ciphertext. */
  readonly ciphertext: string;
}

/** How much longer than the model's own figure a proof may take. @see protocol 05 §6.5 */
const PATIENCE = 2.15;

/**
 * Encrypts an instance's key for one of its GPUs with the dummy backend, under a fresh seed: callers have made sure that insecure
 * keys are allowed. @see protocol 06 §7.2
 */
export function sealKey(table: GpuTable, { uuids, model }: BoundGpus, symmetricKeyHex: string): SealedKey {
  const uuid = uuids[randomInt(uuids.length)];
  if (uuid === undefined) throw new AppError("invalid", "the instance has no GPU to hand its key to");
  // The verification library uses all 64 bits, so containers must cope with such seeds here too.
  const seed = randomBytes(8).readBigUInt64BE() || 1n;
  const { iterations } = provingOf(table, model);
  return { uuid, seed, iterations, ciphertext: dummyEncrypt({ seed, uuid, plain: symmetricKeyHex }) };
}

/** Whether every GPU of the instance did its work under that seed. @see protocol 05 §6.5 */
export function isWorkDone(
  table: GpuTable,
  { uuids, model }: BoundGpus,
  work: { readonly seed: bigint; readonly proof: Readonly<Record<string, unknown>> },
): boolean {
  const { iterations } = provingOf(table, model);
  return uuids.every((uuid) => {
    const workProduct = workProductOf(work.proof[uuid]);
    return checkDummyWorkProduct({ seed: work.seed, uuid, iterations, workProduct });
  });
}

/** Milliseconds after the hand-over in which a proof must arrive. @see protocol 05 §6.5 */
export function proofWindowMs(table: GpuTable, { model }: BoundGpus): number {
  return PATIENCE * 1000 * provingOf(table, model).estimate;
}

function workProductOf(entry: unknown): unknown {
  return typeof entry === "object" && entry !== null && "work_product" in entry ? entry.work_product : undefined;
}

function provingOf(table: GpuTable, model: string): { estimate: number; iterations: number } {
  const spec = table.get(model);
  if (spec === undefined) throw new AppError("unavailable", `GPU model ${model} is no longer in the GPU table`);
  return spec.graval;
}

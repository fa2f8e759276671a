import { AppError, type ErrorKind } from "../../kernel/errors.js";

/** A GPU of the claiming miner. */
export interface OwnedGpu {
  readonly uuid: string;
  readonly gpuIdentifier: string;
  readonly verifiedAt: Date | null;
  readonly verificationHost: string;
  /** Instance that already runs on it. */
  readonly instanceId: string | null;
}

export interface GpuClaim {
  /** GPUs that the container says it sees. */
  readonly uuids: readonly string[];
  /** Those of them that the miner owns. */
  readonly owned: readonly OwnedGpu[];
  readonly gpuCount: number;
  /** Keys of the GPU table that the chute runs on. */
  readonly supported: readonly string[];
  /** Address of the container. */
  readonly host: string;
}

/**
 * Accepts the GPUs of a claim: exactly as many as asked for, each the miner's own, verified, free, suitable, and all at the
 * container's address.
 * @throws AppError with the first thing that is wrong
 * @see protocol 05 §6.4 step 9
 */
export function checkGpuClaim(claim: GpuClaim): void {
  const { uuids, gpuCount } = claim;
  if (new Set(uuids).size !== uuids.length) throw refusal("invalid", "duplicate GPUs");
  if (uuids.length !== gpuCount) throw refusal("invalid", `this chute requires exactly ${gpuCount} GPUs`);
  const owned = new Map(claim.owned.map((gpu) => [gpu.uuid, gpu]));
  for (const uuid of uuids) checkGpu(owned.get(uuid), uuid, claim);
}

function checkGpu(gpu: OwnedGpu | undefined, uuid: string, { supported, host }: GpuClaim): void {
  if (gpu === undefined) throw refusal("not_found", `GPU ${uuid} is not in your inventory`);
  if (gpu.verifiedAt === null) throw refusal("invalid", `GPU ${uuid} is not verified`);
  if (gpu.instanceId !== null) throw refusal("conflict", `GPU ${uuid} is already in use`);
  if (!supported.includes(gpu.gpuIdentifier)) throw refusal("invalid", `GPU ${uuid} does not fit the node selector`);
  if (gpu.verificationHost.toLowerCase() !== host.toLowerCase()) {
    throw refusal("invalid", `GPU ${uuid} was verified at ${gpu.verificationHost}, not at ${host}`);
  }
}

function refusal(kind: ErrorKind, problem: string): AppError {
  return new AppError(kind, `invalid GPU/nodes configuration provided: ${problem}`);
}

import type { NodeSelector } from "../../wire/node-selector.js";

/** A chute as starting an instance of it needs it. */
export interface LaunchChute {
  readonly chuteId: string;
  readonly userId: string;
  readonly ownerUsername: string;
  readonly public: boolean;
  readonly version: string;
  /** SDK version baked into the image: decides how the container speaks. */
  readonly chutesVersion: string | null;
  readonly nodeSelector: NodeSelector;
  readonly disabled: boolean;
  readonly tee: boolean;
  readonly boost: number | null;
  readonly manualBoost: number | null;
  readonly allowExternalEgress: boolean;
  readonly lockModules: boolean | null;
  readonly shutdownAfterSeconds: number | null;
  /** Null unless the chute is private. */
  readonly maxInstances: number | null;
  readonly code: string;
}

/** GPUs of one instance. */
export function gpuCountOf(selector: NodeSelector): number {
  return selector.gpu_count ?? 1;
}

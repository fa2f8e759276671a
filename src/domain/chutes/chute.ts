import type { Cord } from "../../wire/cords.js";
import type { NodeSelector } from "../../wire/node-selector.js";

/** Declared by the developer's SDK; decides token accounting and which shared host serves the chute. @see protocol 03 §8.5 */
export type StandardTemplate = "vllm" | "diffusion" | "tei" | "embedding";

/** A deployed app as the request path needs it: everything but its source and its texts. @see protocol 03 §1 */
export interface Chute {
  readonly chuteId: string;
  readonly userId: string;
  readonly ownerUsername: string;
  readonly name: string;
  readonly public: boolean;
  readonly standardTemplate: StandardTemplate | null;
  readonly cords: readonly Cord[];
  readonly nodeSelector: NodeSelector;
  /** Subdomain, unique on the platform. */
  readonly slug: string;
  /** Changes with the source, the image and the image's patch; opaque to clients. */
  readonly version: string;
  /** Requests in flight per instance; null and 0 mean 1. */
  readonly concurrency: number | null;
  /** SDK version of the image at the last deploy. */
  readonly chutesVersion: string | null;
  readonly imageId: string;
  readonly imageUserId: string;
  readonly revision: string | null;
  /** Fraction off the price: 1 is free, negative is a surcharge. */
  readonly discount: number;
  /** Urgency multiplier for miners, null when nobody wrote one. */
  readonly boost: number | null;
  readonly disabled: boolean;
  readonly tee: boolean;
  /** Null unless the chute is private. */
  readonly maxInstances: number | null;
  /** Utilisation (0…1) above which a private chute grows. Null unless the chute is private. */
  readonly scalingThreshold: number | null;
  /** Seconds without a request after which a private instance ends. Null unless the chute is private. */
  readonly shutdownAfterSeconds: number | null;
  readonly allowExternalEgress: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** True when the owner pays for the instances: neither public nor the platform's own. @see protocol 03 §0 */
export function isPrivate(chute: Pick<Chute, "public" | "ownerUsername">, platformUsername: string): boolean {
  return !chute.public && chute.ownerUsername !== platformUsername;
}

/** Requests one instance takes at once. @see protocol 03 §1 */
export function concurrencyOf(chute: Pick<Chute, "concurrency">): number {
  return chute.concurrency === null || chute.concurrency === 0 ? 1 : chute.concurrency;
}

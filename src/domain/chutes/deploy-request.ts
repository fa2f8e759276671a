import type { Cord } from "../../wire/cords.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import type { StandardTemplate } from "./chute.js";

/** A selector with every member filled in, GPU keys in lower case: the stored form. @see protocol 03 §6.1 */
export type StoredSelector = Required<NodeSelector> & { readonly dynamic: boolean };

/** A port that a job opens. @see protocol 03 §8.4 */
interface JobPort {
  readonly name: string;
  readonly port: number;
  readonly proto: "tcp" | "udp" | "http";
  readonly default: boolean;
}

/** A batch function of a chute, in its stored form. @see protocol 03 §8.4 */
export interface Job {
  readonly name: string;
  readonly upload: boolean;
  /** Seconds. */
  readonly timeout: number | null;
  readonly ports: readonly JobPort[];
  readonly disk_gb: number;
}

/** What a developer asks to be deployed; shapes and ranges have been checked, absent values are defaults. @see protocol 03 §5.1 */
export interface DeployRequest {
  readonly name: string;
  readonly tagline: string;
  readonly readme: string;
  readonly toolDescription: string | null;
  readonly logoId: string | null;
  /** Id, `user/name:tag` or `name:tag`. */
  readonly image: string;
  readonly public: boolean;
  readonly code: string;
  readonly filename: string;
  readonly refStr: string;
  readonly standardTemplate: StandardTemplate | null;
  readonly nodeSelector: StoredSelector;
  readonly cords: readonly Cord[];
  readonly jobs: readonly Job[];
  readonly concurrency: number | null;
  readonly revision: string | null;
  readonly maxInstances: number;
  readonly scalingThreshold: number;
  readonly shutdownAfterSeconds: number;
  readonly allowExternalEgress: boolean;
  readonly encryptedFs: boolean;
  readonly tee: boolean;
  readonly lockModules: boolean;
  /** False: instances of the old version end at once. */
  readonly useRollingUpdate: boolean;
}

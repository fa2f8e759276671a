import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { Cord } from "../wire/cords.js";
import { compareVersions } from "../wire/versions.js";

/** First runtime whose instances are called as this miner serves them. @see protocol 04 §6.3 */
const OLDEST_RUNTIME = "0.5.5";

const optionalText = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const CordRecord = Type.Object({
  method: Type.Optional(Type.String()),
  path: Type.String(),
  function: Type.String(),
  stream: Type.Boolean(),
  passthrough: Type.Optional(Type.Boolean()),
  public_api_path: optionalText,
  public_api_method: optionalText,
  output_content_type: optionalText,
});

const ChuteRecord = Type.Object({
  chute_id: Type.String(),
  version: Type.String(),
  name: Type.String(),
  chutes_version: optionalText,
  supported_gpus: Type.Array(Type.String()),
  node_selector: Type.Object({ gpu_count: Type.Integer({ minimum: 1 }) }),
  cords: Type.Union([Type.Array(CordRecord), Type.Null()]),
  concurrency: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
  tee: Type.Optional(Type.Boolean()),
  disabled: Type.Optional(Type.Boolean()),
  effective_compute_multiplier: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
});

/** A chute as far as a miner needs it. @see protocol 05 §4.1 */
export interface MinerChute {
  readonly chuteId: string;
  readonly version: string;
  readonly name: string;
  readonly chutesVersion: string | null;
  readonly supportedGpus: readonly string[];
  readonly gpuCount: number;
  readonly cords: readonly Cord[];
  /** Requests an instance works on at once. */
  readonly concurrency: number;
  /** What an hour of it is worth, in compute units. */
  readonly multiplier: number;
  /** Why this miner cannot run it; undefined when it can. */
  readonly obstacle: string | undefined;
}

/** Undefined for anything but a chute record: one odd record must not stop the others. */
export function minerChute(record: unknown): MinerChute | undefined {
  if (!Value.Check(ChuteRecord, record)) return undefined;
  return {
    chuteId: record.chute_id,
    version: record.version,
    name: record.name,
    chutesVersion: record.chutes_version ?? null,
    supportedGpus: record.supported_gpus,
    gpuCount: record.node_selector.gpu_count,
    cords: record.cords?.map(cordOf) ?? [],
    concurrency: record.concurrency ?? 1,
    multiplier: record.effective_compute_multiplier ?? 1,
    obstacle: obstacleOf(record),
  };
}

function obstacleOf(chute: Static<typeof ChuteRecord>): string | undefined {
  if (chute.disabled === true) return "it is disabled";
  if (chute.tee === true) return "it needs a trusted execution environment";
  if (chute.cords === null || chute.cords.length === 0) return "it has no functions to call";
  if (compareVersions(chute.chutes_version ?? null, OLDEST_RUNTIME) < 0) {
    return `its runtime ${chute.chutes_version ?? "(unknown)"} is older than ${OLDEST_RUNTIME}`;
  }
  return undefined;
}

function cordOf(cord: Static<typeof CordRecord>): Cord {
  return {
    method: cord.method ?? "POST",
    path: cord.path,
    function: cord.function,
    stream: cord.stream,
    passthrough: cord.passthrough ?? false,
    public_api_path: cord.public_api_path ?? null,
    public_api_method: cord.public_api_method ?? null,
    output_content_type: cord.output_content_type ?? null,
    input_schema: {},
    output_schema: {},
    minimal_input_schema: {},
  };
}

const InstanceRecord = Type.Object({
  instance_id: Type.String(),
  chute_id: Type.String(),
  config_id: optionalText,
});

/** One of the miner's instances as the platform sees it. @see protocol 05 §4.2 */
export interface RemoteInstance {
  readonly instanceId: string;
  readonly chuteId: string;
  readonly configId: string | null;
}

/** Undefined for anything but an instance record. */
export function remoteInstance(record: unknown): RemoteInstance | undefined {
  if (!Value.Check(InstanceRecord, record)) return undefined;
  return { instanceId: record.instance_id, chuteId: record.chute_id, configId: record.config_id ?? null };
}

import { type Static, Type } from "typebox";
import type { DeployRequest, Job, StoredSelector } from "../../../domain/chutes/deploy-request.js";
import { AppError } from "../../../kernel/errors.js";
import type { Cord } from "../../../wire/cords.js";
import type { GpuTable } from "../../../wire/gpu-table.js";
import { nullable } from "../nullable.js";

const TEMPLATES = ["vllm", "diffusion", "tei", "embedding"] as const;
const LONGEST_CODE = 150_000;

/** @see protocol 03 §6.1 */
export const SelectorBody = Type.Object({
  gpu_count: nullable(Type.Integer({ minimum: 1, maximum: 8 })),
  min_vram_gb_per_gpu: nullable(Type.Integer({ minimum: 16, maximum: 140 })),
  max_hourly_price_per_gpu: nullable(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 10 })),
  include: nullable(Type.Array(Type.String(), { maxItems: 100 })),
  exclude: nullable(Type.Array(Type.String(), { maxItems: 100 })),
  dynamic: nullable(Type.Boolean()),
});

const Schema = Type.Object({});

const CordBody = Type.Object({
  method: Type.String(),
  path: Type.String(),
  function: Type.String(),
  stream: Type.Boolean(),
  passthrough: nullable(Type.Boolean()),
  public_api_path: nullable(Type.String()),
  public_api_method: nullable(Type.String()),
  input_schema: nullable(Schema),
  output_schema: nullable(Schema),
  output_content_type: nullable(Type.String()),
  minimal_input_schema: nullable(Schema),
});

const PortBody = Type.Object({
  name: Type.String({ pattern: "^[A-Za-z0-9_-]{1,32}$" }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  proto: Type.Enum(["tcp", "udp", "http"]),
  default: nullable(Type.Boolean()),
});

const JobBody = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  upload: nullable(Type.Boolean()),
  timeout: nullable(Type.Integer({ minimum: 30, maximum: 86_400 })),
  ports: nullable(Type.Array(PortBody, { maxItems: 100 })),
  disk_gb: nullable(Type.Integer({ minimum: 10, maximum: 1000 })),
});

/** What the SDK sends; what it does not know of is left alone. @see protocol 03 §5.1 */
export const DeployBody = Type.Object({
  name: Type.String({ minLength: 3, maxLength: 128 }),
  tagline: nullable(Type.String({ maxLength: 1024 })),
  readme: nullable(Type.String({ maxLength: 16_384 })),
  tool_description: nullable(Type.String({ maxLength: 16_384 })),
  logo_id: nullable(Type.String()),
  image: Type.String(),
  public: Type.Boolean(),
  code: Type.String({ maxLength: LONGEST_CODE }),
  filename: Type.String(),
  ref_str: Type.String(),
  standard_template: nullable(Type.Enum(TEMPLATES)),
  node_selector: SelectorBody,
  cords: nullable(Type.Array(CordBody, { maxItems: 1000 })),
  jobs: nullable(Type.Array(JobBody, { maxItems: 1000 })),
  concurrency: nullable(Type.Integer({ minimum: 0, maximum: 256 })),
  revision: nullable(Type.String({ pattern: "^[a-fA-F0-9]{40}$" })),
  max_instances: nullable(Type.Integer({ minimum: 1, maximum: 100 })),
  scaling_threshold: nullable(Type.Number({ minimum: 0, maximum: 1 })),
  shutdown_after_seconds: nullable(Type.Integer({ minimum: 60, maximum: 604_800 })),
  allow_external_egress: nullable(Type.Boolean()),
  encrypted_fs: nullable(Type.Boolean()),
  tee: nullable(Type.Boolean()),
  lock_modules: nullable(Type.Boolean()),
  use_rolling_update: nullable(Type.Boolean()),
});

type Body = Static<typeof DeployBody>;

/**
 * The request with every default filled in.
 * @throws AppError `unprocessable` for a GPU key that the table does not have
 */
export function toDeployRequest(body: Body, gpuTable: GpuTable): DeployRequest {
  return {
    name: body.name,
    tagline: body.tagline ?? "",
    readme: body.readme ?? "",
    toolDescription: body.tool_description ?? null,
    logoId: body.logo_id?.trim() || null,
    image: body.image,
    public: body.public,
    code: body.code,
    filename: body.filename,
    refStr: body.ref_str,
    standardTemplate: body.standard_template ?? null,
    nodeSelector: toSelector(body.node_selector, gpuTable),
    cords: (body.cords ?? []).map(toCord),
    jobs: (body.jobs ?? []).map(toJob),
    revision: body.revision ?? null,
    ...scalingOf(body),
    ...runtimeOf(body),
  };
}

function scalingOf(body: Body) {
  return {
    concurrency: body.concurrency ?? null,
    maxInstances: body.max_instances ?? 1,
    scalingThreshold: body.scaling_threshold ?? 0.75,
    shutdownAfterSeconds: body.shutdown_after_seconds ?? 300,
  };
}

function runtimeOf(body: Body) {
  return {
    allowExternalEgress: body.allow_external_egress ?? false,
    encryptedFs: body.encrypted_fs ?? false,
    tee: body.tee ?? false,
    lockModules: body.lock_modules ?? false,
    useRollingUpdate: body.use_rolling_update ?? true,
  };
}

function toSelector(selector: Body["node_selector"], gpuTable: GpuTable): StoredSelector {
  return {
    gpu_count: selector.gpu_count ?? 1,
    min_vram_gb_per_gpu: selector.min_vram_gb_per_gpu ?? 16,
    max_hourly_price_per_gpu: selector.max_hourly_price_per_gpu ?? null,
    exclude: gpuKeys(selector.exclude, { member: "exclude", gpuTable }),
    include: gpuKeys(selector.include, { member: "include", gpuTable }),
    dynamic: selector.dynamic ?? false,
  };
}

function gpuKeys(
  keys: readonly string[] | null | undefined,
  { member, gpuTable }: { readonly member: "include" | "exclude"; readonly gpuTable: GpuTable },
): readonly string[] | null {
  if (keys === null || keys === undefined) return null;
  const lower = keys.map((key) => key.toLowerCase());
  const unknown = lower.findIndex((key) => !gpuTable.has(key));
  if (unknown === -1) return [...new Set(lower)];
  const msg = `${lower[unknown]} is not a supported GPU`;
  const loc = ["body", "node_selector", member, unknown];
  throw new AppError("unprocessable", msg, { detail: [{ type: "value_error", loc, msg, input: keys[unknown] }] });
}

/** Members in the order that cords are hashed and shown in. @see protocol 03 §8.1 */
function toCord(cord: Static<typeof CordBody>): Cord {
  return {
    method: cord.method,
    path: cord.path,
    function: cord.function,
    stream: cord.stream,
    passthrough: cord.passthrough ?? false,
    public_api_path: cord.public_api_path ?? null,
    public_api_method: cord.public_api_method ?? null,
    input_schema: schemaOf(cord.input_schema),
    output_schema: schemaOf(cord.output_schema),
    output_content_type: cord.output_content_type ?? null,
    minimal_input_schema: schemaOf(cord.minimal_input_schema),
  };
}

/** Absent is an empty schema, null stays null. */
function schemaOf(schema: object | null | undefined): Cord["input_schema"] {
  return schema === undefined ? {} : (schema as Cord["input_schema"]);
}

function toJob(job: Static<typeof JobBody>): Job {
  return {
    name: job.name,
    upload: job.upload ?? false,
    timeout: job.timeout ?? null,
    ports: (job.ports ?? []).map((port) => ({ ...portMembers(port), default: port.default ?? true })),
    disk_gb: job.disk_gb ?? 10,
  };
}

function portMembers({ name, port, proto }: Static<typeof PortBody>) {
  return { name, port, proto };
}

import type { Static } from "typebox";
import { DIFFUSION_CORDS, teiCords, VLLM_CORDS } from "../../../domain/models/easy-cords.js";
import { diffusionSource, GENERATED_FILE, teiSource, vllmSource } from "../../../domain/models/easy-source.js";
import { guessVllmConfig } from "../../../domain/models/vllm-guess.js";
import { AppError } from "../../../kernel/errors.js";
import type { Cord } from "../../../wire/cords.js";
import type { GpuTable } from "../../../wire/gpu-table.js";
import type { ModelCards } from "../model-cards.js";
import type { DeployBody } from "./chute-deploy-body.js";
import type { DiffusionBody, TeiBody, VllmBody } from "./easy-deploy-bodies.js";

type Wire = Static<typeof DeployBody>;

/** For whom a source is generated, and on what. */
export interface EasyTarget {
  readonly username: string;
  /** `user/name:tag`. */
  readonly image: string;
  readonly models: ModelCards;
  readonly gpuTable: GpuTable;
}

const DEFAULT_MODEL_LENGTH = 16_384;
const LARGE_MODEL = { gpu_count: 1, min_vram_gb_per_gpu: 80 };
const PICTURES = { gpu_count: 1, min_vram_gb_per_gpu: 24 };
/** GPUs that would be wasted on embeddings. */
const LARGE_GPUS = ["h100", "h100_nvl", "h100_sxm", "h200", "b200"];

/** The deploy of a language model. @throws AppError `invalid` for a gated model and for one without a known revision */
export async function vllmDeploy(body: Static<typeof VllmBody>, target: EasyTarget): Promise<Wire> {
  const { model, engine_args: asked = {} } = body;
  const card = await target.models.card(model);
  if (card === "gated") throw new AppError("invalid", `Model ${model} is gated: chutes cannot download it.`);
  const revision = body.revision ?? (await target.models.mainRevision(model));
  if (revision === undefined) throw new AppError("invalid", `No revision of model ${model} is known; name one.`);
  const nodeSelector = body.node_selector ?? guessedSelector(target.gpuTable, card);
  const concurrency = body.concurrency ?? 8;
  const code = vllmSource({
    ...target,
    model,
    revision,
    concurrency,
    nodeSelector: known(nodeSelector),
    maxModelLength: Math.min(asked.max_model_len ?? DEFAULT_MODEL_LENGTH, longestOf(card?.config)),
    tokenizer: asked.tokenizer ?? null,
    enforceEager: asked.enforce_eager ?? false,
    trustRemoteCode: asked.trust_remote_code ?? true,
  });
  const parts = { name: model, nodeSelector, template: "vllm", code, cords: VLLM_CORDS } as const;
  return { ...deployBody(body, target, parts), revision, concurrency };
}

/** The deploy of a model that draws pictures. */
export async function diffusionDeploy(body: Static<typeof DiffusionBody>, target: EasyTarget): Promise<Wire> {
  const { name, model, node_selector: nodeSelector = PICTURES } = body;
  const code = diffusionSource({ ...target, name, model, nodeSelector: known(nodeSelector) });
  const parts = { name, nodeSelector, template: "diffusion", code, cords: DIFFUSION_CORDS } as const;
  return deployBody(body, target, parts);
}

/** The deploy of a model that embeds, classifies or ranks text. */
export async function teiDeploy(body: Static<typeof TeiBody>, target: EasyTarget): Promise<Wire> {
  const { model, revision = null, node_selector: asked } = body;
  const endpoints = [...new Set(body.endpoints)];
  const exclude = LARGE_GPUS.filter((key) => target.gpuTable.has(key));
  const nodeSelector = asked ?? { gpu_count: 1, min_vram_gb_per_gpu: 16, exclude };
  const code = teiSource({ ...target, name: model, model, revision, endpoints, nodeSelector: known(nodeSelector) });
  const parts = { name: model, nodeSelector, template: "tei", code, cords: teiCords(endpoints) } as const;
  return { ...deployBody(body, target, parts), revision, concurrency: 32 };
}

interface GeneratedParts {
  readonly name: string;
  readonly nodeSelector: Wire["node_selector"];
  readonly template: "vllm" | "diffusion" | "tei";
  readonly code: string;
  readonly cords: readonly Cord[];
}

type Texts = Pick<Static<typeof TeiBody>, "tagline" | "readme" | "tool_description" | "logo_id" | "public">;

function deployBody(body: Texts, { image }: EasyTarget, parts: GeneratedParts): Wire {
  return {
    name: parts.name,
    tagline: body.tagline ?? "",
    readme: body.readme ?? "",
    tool_description: body.tool_description ?? null,
    logo_id: body.logo_id ?? null,
    public: body.public ?? true,
    image,
    filename: GENERATED_FILE.filename,
    ref_str: GENERATED_FILE.reference,
    code: parts.code,
    standard_template: parts.template,
    node_selector: parts.nodeSelector,
    cords: [...parts.cords] as NonNullable<Wire["cords"]>,
    jobs: [],
  };
}

/** Models of unknown size, and those that are too large, get one large GPU: the developer can say better. */
function guessedSelector(table: GpuTable, card: Exclude<Awaited<ReturnType<ModelCards["card"]>>, "gated">) {
  if (card === undefined) return LARGE_MODEL;
  try {
    const guess = guessVllmConfig(table, card);
    return { gpu_count: guess.required_gpus, min_vram_gb_per_gpu: Math.max(guess.min_vram_per_gpu, 16) };
  } catch (error) {
    if (error instanceof AppError && error.kind === "invalid") return LARGE_MODEL;
    throw error;
  }
}

function longestOf(config: Readonly<Record<string, unknown>> | undefined): number {
  const lengths = [config?.["max_position_embeddings"], config?.["model_max_length"]];
  const found = lengths.find((length) => typeof length === "number" && Number.isSafeInteger(length) && length > 0);
  return typeof found === "number" ? found : Number.POSITIVE_INFINITY;
}

/** What the SDK's selector takes; keys of the table only, in its spelling. */
function known(selector: Wire["node_selector"]) {
  const lower = (keys: readonly string[] | null | undefined) => keys?.map((key) => key.toLowerCase()) ?? null;
  return {
    gpu_count: selector.gpu_count ?? 1,
    min_vram_gb_per_gpu: selector.min_vram_gb_per_gpu ?? 16,
    include: lower(selector.include),
    exclude: lower(selector.exclude),
  };
}

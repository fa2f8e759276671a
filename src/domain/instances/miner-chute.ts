import type { GpuTable } from "../../wire/gpu-table.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import { offsetIso } from "../../wire/timestamps.js";
import { compareVersions } from "../../wire/versions.js";
import { effectiveMultiplier, type MultiplierRules } from "../chutes/multiplier.js";
import { type SelectorFacts, selectorFacts } from "../chutes/pricing.js";
import type { MinerChuteRow } from "./miner-feed-repository.js";

export interface MinerChuteContext {
  readonly gpuTable: GpuTable;
  readonly platformUsername: string;
  readonly rules: MultiplierRules;
  /** The open bounty, if any: compute units, and the factor that claiming it puts on the multiplier where it does. */
  readonly bounty: { readonly amount: number } | undefined;
  readonly bountyBoost: number | undefined;
}

/** From this SDK on, the source travels in the answer to the container's verification. @see protocol 05 §4.1 */
const CODE_BY_VERIFICATION_SINCE = "0.3.61";
const CODE_PLACEHOLDER = "# delivered to the verified instance";

/** A chute as miners receive it: every column, and what they compute their decisions from. @see protocol 05 §4.1, 03 §9.9 */
export function minerChuteRecord(row: MinerChuteRow, context: MinerChuteContext): Record<string, unknown> {
  const {
    owner_username,
    image_owner,
    image_name,
    image_tag,
    image_patch,
    image_chutes_version,
    manual_boost,
    ...columns
  } = row;
  const selector = row.node_selector as NodeSelector;
  const isPrivate = !row.public && owner_username !== context.platformUsername;
  const facts = selectorFacts(context.gpuTable, selector);
  const { tee, boost } = row;
  const multiplier = effectiveMultiplier({
    ...context,
    base: facts.computeMultiplier,
    isPrivate,
    tee,
    boost,
    manualBoost: manual_boost,
  });
  return {
    ...columns,
    // Miners compare both with the image list every minute and redeploy on any difference.
    image: imageReference({ username: image_owner, name: image_name, tag: image_tag, patchVersion: image_patch }),
    chutes_version: image_chutes_version,
    code: compareVersions(image_chutes_version, CODE_BY_VERIFICATION_SINCE) < 0 ? row.code : CODE_PLACEHOLDER,
    node_selector: selectorRecord(selector, facts),
    created_at: offsetIso(row.created_at),
    updated_at: offsetIso(row.updated_at),
    supported_gpus: facts.supportedGpus,
    preemptible: !isPrivate,
    effective_compute_multiplier: multiplier.effective,
    compute_multiplier_factors: multiplier.factors,
    bounty: context.bounty?.amount ?? null,
  };
}

/** Full name of an image in the registry, lower case; a patch other than the first is part of the tag. @see protocol 05 §4.1 */
function imageReference(image: {
  readonly username: string;
  readonly name: string;
  readonly tag: string;
  readonly patchVersion: string | null;
}): string {
  const base = `${image.username}/${image.name}:${image.tag}`.toLowerCase();
  return image.patchVersion === null || image.patchVersion === "initial" ? base : `${base}-${image.patchVersion}`;
}

function selectorRecord(selector: NodeSelector, facts: SelectorFacts) {
  return {
    gpu_count: 1,
    min_vram_gb_per_gpu: 16,
    max_hourly_price_per_gpu: null,
    include: null,
    exclude: null,
    dynamic: false,
    ...selector,
    compute_multiplier: facts.computeMultiplier,
    supported_gpus: facts.supportedGpus,
  };
}

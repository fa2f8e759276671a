import type { GpuTable } from "../../wire/gpu-table.js";
import { computeMultiplier, type NodeSelector, supportedGpus } from "../../wire/node-selector.js";
import { offsetIso } from "../../wire/timestamps.js";
import { compareVersions } from "../../wire/versions.js";

import { effectiveMultiplier, type MultiplierRules } from "./compute-multiplier.js";
import type { MinerChuteRow } from "./miner-feed-repository.js";

export interface MinerChuteContext {
  readonly gpuTable: GpuTable;
  readonly platformUsername: string;
  readonly rules: MultiplierRules;
  /** Compute units; undefined without one. */
  readonly bounty: { readonly amount: number } | undefined;
}

/** From this SDK on, the source travels in the answer to the container's verification. @see protocol 05 §4.1 */
const CODE_BY_VERIFICATION_SINCE = "0.3.61";
const CODE_PLACEHOLDER = "# delivered to the verified instance";

/** A chute as miners receive it: every column, and what they compute their decisions from. @see protocol 05 §4.1, 03 §9.9 */
export function minerChuteRecord(row: MinerChuteRow, context: MinerChuteContext): Record<string, unknown> {
  const { owner_username, image_owner, image_name, image_tag, image_patch, image_chutes_version, ...columns } = row;
  const selector = row.node_selector as NodeSelector;
  const isPrivate = !row.public && owner_username !== context.platformUsername;
  const supported = supportedGpus(context.gpuTable, selector);
  const multiplier = effectiveMultiplier(
    context.gpuTable,
    { nodeSelector: selector, isPrivate, tee: row.tee, boost: row.boost },
    context.rules,
  );
  return {
    ...columns,
    // Miners compare both with the image list every minute and redeploy on any difference.
    image: imageReference({ username: image_owner, name: image_name, tag: image_tag, patchVersion: image_patch }),
    chutes_version: image_chutes_version,
    code: compareVersions(image_chutes_version, CODE_BY_VERIFICATION_SINCE) < 0 ? row.code : CODE_PLACEHOLDER,
    node_selector: selectorRecord(context.gpuTable, selector, supported),
    created_at: offsetIso(row.created_at),
    updated_at: offsetIso(row.updated_at),
    supported_gpus: supported,
    preemptible: !isPrivate,
    effective_compute_multiplier: multiplier.value,
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

function selectorRecord(table: GpuTable, selector: NodeSelector, supported: readonly string[]) {
  return {
    gpu_count: 1,
    min_vram_gb_per_gpu: 16,
    max_hourly_price_per_gpu: null,
    include: null,
    exclude: null,
    dynamic: false,
    ...selector,
    compute_multiplier: supported.length === 0 ? 0 : computeMultiplier(table, selector),
    supported_gpus: supported,
  };
}

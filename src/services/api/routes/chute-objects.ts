import type { PriceOverride } from "../../../domain/billing/price.js";
import { type Bounty, raisesMultiplier } from "../../../domain/bounties/bounty.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import type { ChuteInstance, ChuteView } from "../../../domain/chutes/chute-view-repository.js";
import { effectiveMultiplier } from "../../../domain/chutes/multiplier.js";
import { estimatedPrice, type SelectorFacts, selectorFacts } from "../../../domain/chutes/pricing.js";
import { CORD_KEYS, type Cord } from "../../../wire/cords.js";
import { cordRefId } from "../../../wire/ids.js";
import { offsetIso, zuluIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { logoUrl } from "../logo-url.js";
import { accountCard } from "./account-objects.js";
import { imageObject } from "./image-objects.js";

export type ChuteObjectDeps = Pick<ApiDeps, "config" | "gpuTable">;

/** A chute with all that its object is computed from. */
export interface ShownChute {
  readonly view: ChuteView;
  readonly bounty: Bounty | undefined;
  /** Prices that everybody has on this chute. */
  readonly override: PriceOverride | undefined;
  /** USD per TAO; undefined when nobody knows. */
  readonly taoUsd: number | undefined;
}

/** A chute without its source; its cords come with it or stand apart, under a join key. @see protocol 03 §9.2, §9.3 */
export function chuteObject(
  { config, gpuTable }: ChuteObjectDeps,
  { view, bounty, override, taoUsd }: ShownChute,
  cords: { readonly cords: readonly Cord[] | null; readonly cord_ref_id: string | null },
) {
  const facts = selectorFacts(gpuTable, view.nodeSelector);
  const hasPrivateBilling = isPrivate(view, config.platformUsername);
  const multiplier = effectiveMultiplier({
    ...view,
    rules: config.instances,
    base: facts.computeMultiplier,
    isPrivate: hasPrivateBilling,
    bountyBoost: raisesMultiplier(config.bounties) ? bounty?.boost : undefined,
  });
  const terms = { chute: view, isPrivate: hasPrivateBilling, settings: config.pricing, override, taoUsd };
  return {
    chute_id: view.chuteId,
    name: view.name,
    tagline: view.tagline,
    readme: view.readme,
    public: view.public,
    version: view.version,
    tool_description: view.toolDescription,
    slug: view.slug,
    standard_template: view.standardTemplate,
    cords: cords.cords,
    jobs: view.jobs,
    cord_ref_id: cords.cord_ref_id,
    created_at: zuluIso(view.createdAt),
    updated_at: zuluIso(view.updatedAt),
    image: imageObject(config, view.image),
    user: accountCard(config, view.owner),
    supported_gpus: facts.supportedGpus,
    node_selector: nodeSelectorObject(view.nodeSelector, facts),
    invocation_count: view.invocationCount,
    current_estimated_price: estimatedPrice(facts, terms),
    instances: view.instances.map(instanceObject),
    logo_id: view.logoId,
    ...deploymentMembers(view),
    preemptible: !hasPrivateBilling,
    effective_compute_multiplier: multiplier.effective,
    compute_multiplier_factors: multiplier.factors,
    bounty: bounty?.amount ?? null,
    execution_backend: "hosted",
    logo: logoUrl(config, view.logoId),
    hot: isHot(view.instances),
  };
}

/** Whether a request would find somebody to answer it. @see protocol 03 §0 */
export function isHot(instances: readonly { readonly active: boolean; readonly verified: boolean }[]): boolean {
  return instances.some(({ active, verified }) => active && verified);
}

function instanceObject(instance: ChuteInstance) {
  return {
    instance_id: instance.instanceId,
    region: instance.region,
    active: instance.active,
    verified: instance.verified,
    last_verified_at: instance.lastVerifiedAt && zuluIso(instance.lastVerifiedAt),
  };
}

/** A selector with what it means on the current table. @see protocol 03 §9.2 */
function nodeSelectorObject(selector: ChuteView["nodeSelector"], facts: SelectorFacts) {
  return { ...selector, compute_multiplier: facts.computeMultiplier, supported_gpus: facts.supportedGpus };
}

function deploymentMembers(view: ChuteView) {
  return {
    openrouter: view.openrouter,
    chutes_version: view.chutesVersion,
    revision: view.revision,
    concurrency: view.concurrency,
    boost: view.boost,
    max_instances: view.maxInstances,
    scaling_threshold: view.scalingThreshold,
    shutdown_after_seconds: view.shutdownAfterSeconds,
    allow_external_egress: view.allowExternalEgress,
    tee: view.tee,
    lock_modules: view.lockModules,
    disabled: view.disabled,
  };
}

const SCHEMA_KEYS: ReadonlySet<string> = new Set(["input_schema", "output_schema", "minimal_input_schema"]);
const LISTED_CORD_KEYS = CORD_KEYS.filter((key) => !SCHEMA_KEYS.has(key));

/** Join key of a listed chute's cords. @see protocol 03 §9.3 */
export function cordRefOf(view: ChuteView, cords: readonly Cord[]): string {
  return cordRefId(cords, view.standardTemplate === "vllm" ? view.name : undefined);
}

/** Cords as a list shows them: without their schemas unless asked for. @see protocol 03 §9.3 */
export function listedCords(cords: readonly Cord[], includeSchemas: boolean) {
  const keys = includeSchemas ? CORD_KEYS : LISTED_CORD_KEYS;
  return cords.map((cord) => Object.fromEntries(keys.map((key) => [key, cord[key]])));
}

/** A row of `GET /chutes/rolling_updates`. @see protocol 03 §9.6 */
export function rollingUpdateObject(update: {
  readonly chuteId: string;
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly startedAt: Date;
  readonly permitted: unknown;
}) {
  return {
    chute_id: update.chuteId,
    old_version: update.oldVersion,
    new_version: update.newVersion,
    started_at: offsetIso(update.startedAt),
    permitted: update.permitted,
  };
}

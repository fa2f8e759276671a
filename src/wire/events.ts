/** Redis channels of events; each equals the socket event's name. @see protocol 05 §2.3 */
export const CHANNEL = { minerBroadcast: "miner_broadcast", events: "events" } as const;

/** What a miner or dashboard receives. @see protocol 05 §2.2, §2.5 */
export interface EventPayload {
  readonly reason: string;
  readonly message?: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** When present, only these hotkeys receive the event. */
  readonly filter_recipients?: readonly string[];
}

/** One publication: the payload is the JSON that goes through the channel. */
export interface WireEvent {
  readonly channel: (typeof CHANNEL)[keyof typeof CHANNEL];
  readonly payload: EventPayload;
}

/** Identity of a chute's published version. `jobOnly`: it has no cords. */
export interface ChuteEvent {
  readonly chuteId: string;
  readonly version: string;
  readonly jobOnly: boolean;
}

/** What the instance events tell; `gpuModelName` is the short key, e.g. `h100_sxm`. */
export interface InstanceEvent {
  readonly chuteId: string;
  readonly instanceId: string;
  readonly minerHotkey: string;
  /** Null for instances that came without a launch config; miners hear of creation and activation only with one. */
  readonly configId: string | null;
  readonly gpuCount: number;
  readonly gpuModelName: string;
}

/** @see protocol 03 §15 */
export function chuteCreated(chute: ChuteEvent): WireEvent[] {
  return [toMiners("chute_created", chuteData(chute))];
}

/** @see protocol 03 §15 */
export function chuteUpdated(chute: ChuteEvent): WireEvent[] {
  return [toMiners("chute_updated", chuteData(chute))];
}

/** `version` must be the one miners hold: they delete by exact version. @see protocol 03 §15 */
export function chuteDeleted(chute: { readonly chuteId: string; readonly version: string }): WireEvent[] {
  return [toMiners("chute_deleted", { chute_id: chute.chuteId, version: chute.version })];
}

/** @see protocol 02 §3.9 */
export function imageCreated(imageId: string): WireEvent[] {
  return [toMiners("image_created", { image_id: imageId })];
}

/** @see protocol 02 §3.9 */
export function imageDeleted(imageId: string): WireEvent[] {
  return [toMiners("image_deleted", { image_id: imageId })];
}

/** Tells one miner to replace one instance by the new version. `image` when that is what changed. @see protocol 03 §13, §15 */
export function rollingUpdate(step: {
  readonly chuteId: string;
  readonly instanceId: string;
  readonly minerHotkey: string;
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly reason: string;
  readonly image: string | null;
}): WireEvent[] {
  const data = {
    chute_id: step.chuteId,
    instance_id: step.instanceId,
    miner_hotkey: step.minerHotkey,
    old_version: step.oldVersion,
    new_version: step.newVersion,
    reason: step.reason,
    ...(step.image !== null && { image: step.image }),
  };
  return [toMiners("rolling_update", data, [step.minerHotkey])];
}

/** `bountyUnits` is a whole number of compute units. @see protocol 03 §15 */
export function bountyChange(bounty: {
  readonly chuteId: string;
  readonly bountyUnits: number;
  readonly effectiveMultiplier?: number;
  readonly bountyBoost?: number;
  readonly urgency?: "cold" | "scaling" | "critical";
}): WireEvent[] {
  const data = {
    chute_id: bounty.chuteId,
    bounty: bounty.bountyUnits,
    ...(bounty.effectiveMultiplier !== undefined && { effective_multiplier: bounty.effectiveMultiplier }),
    ...(bounty.bountyBoost !== undefined && { bounty_boost: bounty.bountyBoost }),
    ...(bounty.urgency !== undefined && { urgency: bounty.urgency }),
  };
  const message = `Chute ${bounty.chuteId} offers a bounty of ${bounty.bountyUnits} compute units.`;
  return [toMiners("bounty_change", data), toEveryone("bounty_change", { message, data })];
}

/** The public form never carries the config id. @see protocol 05 §2.4, §2.5 */
export function instanceCreated(instance: InstanceEvent): WireEvent[] {
  const data = instanceData(instance);
  const message = `Miner ${instance.minerHotkey} started an instance of chute ${instance.chuteId}.`;
  return [...toMinerOf(instance, "instance_created"), toEveryone("instance_created", { message, data })];
}

/** Publicly a verified instance is `instance_hot`. @see protocol 05 §2.4, §2.5 */
export function instanceVerified(instance: InstanceEvent): WireEvent[] {
  const data = instanceData(instance);
  const message = `An instance of chute ${instance.chuteId} by miner ${instance.minerHotkey} is verified.`;
  const own = { miner_hotkey: instance.minerHotkey, instance_id: instance.instanceId, chute_id: instance.chuteId };
  return [toMiners("instance_verified", own, [instance.minerHotkey]), toEveryone("instance_hot", { message, data })];
}

/** @see protocol 05 §2.4, §2.5 */
export function instanceActivated(instance: InstanceEvent): WireEvent[] {
  const data = withConfigId(instance);
  const message = `An instance of chute ${instance.chuteId} by miner ${instance.minerHotkey} is active.`;
  return [...toMinerOf(instance, "instance_activated"), toEveryone("instance_activated", { message, data })];
}

/** Traffic is held back for a while; miners ignore it. @see protocol 05 §2.4, §2.5 */
export function instanceDisabled(instance: InstanceEvent): WireEvent[] {
  const data = withConfigId(instance);
  const message = `An instance of chute ${instance.chuteId} by miner ${instance.minerHotkey} is disabled for a while.`;
  return [...toMinerOf(instance, "instance_disabled"), toEveryone("instance_disabled", { message, data })];
}

/** The reason stays out of it: the audit table keeps it. @see protocol 04 §7.4, 05 §2.4 */
export function instanceDeleted(instance: InstanceEvent): WireEvent[] {
  const data = withConfigId(instance);
  const message = `An instance of chute ${instance.chuteId} by miner ${instance.minerHotkey} was deleted.`;
  return [
    {
      channel: CHANNEL.minerBroadcast,
      payload: { reason: "instance_deleted", message, data, filter_recipients: [instance.minerHotkey] },
    },
    toEveryone("instance_deleted", { message, data }),
  ];
}

/** @see protocol 05 §2.4 */
export function gpuVerified(gpu: { readonly gpuId: string; readonly minerHotkey: string }): WireEvent[] {
  return [toMiners("gpu_verified", { gpu_id: gpu.gpuId, miner_hotkey: gpu.minerHotkey }, [gpu.minerHotkey])];
}

/** @see protocol 05 §2.5 */
export function launchTokenCreated(launch: {
  readonly chuteId: string;
  readonly minerHotkey: string;
  readonly gpuCount: number;
  readonly includeGpus: readonly string[];
  readonly minVramGb: number;
}): WireEvent[] {
  const message = `Miner ${launch.minerHotkey} is launching chute ${launch.chuteId}.`;
  const data = {
    chute_id: launch.chuteId,
    miner_hotkey: launch.minerHotkey,
    gpu_count: launch.gpuCount,
    include_gpus: launch.includeGpus,
    min_vram_gb: launch.minVramGb,
  };
  return [toEveryone("launch_token_created", { message, data })];
}

function chuteData(chute: ChuteEvent): Record<string, unknown> {
  return { chute_id: chute.chuteId, version: chute.version, job_only: chute.jobOnly };
}

function instanceData(instance: InstanceEvent): Record<string, unknown> {
  return {
    chute_id: instance.chuteId,
    miner_hotkey: instance.minerHotkey,
    instance_id: instance.instanceId,
    gpu_count: instance.gpuCount,
    gpu_model_name: instance.gpuModelName,
  };
}

function withConfigId(instance: InstanceEvent): Record<string, unknown> {
  return { ...instanceData(instance), config_id: instance.configId };
}

/** Miners bind and activate by config id and fail without one, so nothing is sent then. */
function toMinerOf(instance: InstanceEvent, reason: string): WireEvent[] {
  return instance.configId === null ? [] : [toMiners(reason, withConfigId(instance), [instance.minerHotkey])];
}

function toMiners(reason: string, data: Record<string, unknown>, recipients?: readonly string[]): WireEvent {
  return {
    channel: CHANNEL.minerBroadcast,
    payload: { reason, data, ...(recipients && { filter_recipients: recipients }) },
  };
}

function toEveryone(reason: string, what: { message: string; data: Record<string, unknown> }): WireEvent {
  return { channel: CHANNEL.events, payload: { reason, message: what.message, data: what.data } };
}

import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { Logger } from "../kernel/logger.js";
import type { Fleet } from "./fleet.js";
import type { PlatformApi } from "./platform-api.js";
import type { MinerChute } from "./records.js";

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const Broadcast = Type.Object({
  reason: Type.String(),
  data: Type.Object({
    chute_id: text,
    version: text,
    new_version: text,
    instance_id: text,
    config_id: text,
    job_only: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  }),
});
type Data = Static<typeof Broadcast>["data"];

export interface BroadcastDeps {
  readonly api: PlatformApi;
  readonly fleet: Fleet;
  /** Chutes as the platform last described them. */
  readonly catalog: Map<string, MinerChute>;
  readonly log: Logger;
}

type Handler = (deps: BroadcastDeps, data: Data) => Promise<void>;

/** Reasons this miner reacts to; all others are news for somebody else. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  chute_created: async (deps, data) => {
    const chute = data.job_only === true ? undefined : await described(deps, data.chute_id, data.version);
    if (chute !== undefined) deps.fleet.want(chute, { urgent: true });
  },
  chute_updated: async (deps, data) => {
    await described(deps, data.chute_id, data.version);
  },
  chute_deleted: async ({ catalog, fleet }, { chute_id, version }) => {
    const known = catalog.get(chute_id ?? "");
    if (!chute_id || (version && known && known.version !== version)) return;
    catalog.delete(chute_id);
    await fleet.remove(chute_id);
  },
  bounty_change: async ({ catalog, fleet }, { chute_id }) => {
    const chute = catalog.get(chute_id ?? "");
    if (chute !== undefined) fleet.want(chute, { urgent: true });
  },
  instance_deleted: async ({ fleet }, data) => {
    const deployment = fleet.find(idsOf(data));
    if (deployment !== undefined) await fleet.remove(deployment.chute.chuteId);
  },
  rolling_update: async (deps, data) => {
    const { api, fleet } = deps;
    const deployment = fleet.find(idsOf(data));
    if (deployment?.instance === undefined) return;
    const { chuteId } = deployment.chute;
    await api.deleteInstance({ chuteId, instanceId: deployment.instance.instanceId });
    await fleet.remove(chuteId);
    const chute = await described(deps, chuteId, data.new_version);
    if (chute !== undefined) fleet.want(chute, { urgent: true });
  },
};

/**
 * Acts on one message of the private channel. Messages of any other shape or reason are ignored. Throws AppError when the
 * platform fails to answer; the next reconciliation makes up for it. @see protocol 05 §2.4
 */
export async function handleBroadcast(deps: BroadcastDeps, message: unknown): Promise<void> {
  if (!Value.Check(Broadcast, message)) {
    deps.log.debug("broadcast of unknown shape ignored");
    return;
  }
  const { reason, data } = message;
  deps.log.debug({ reason, data }, "broadcast");
  if (Object.hasOwn(HANDLERS, reason)) await HANDLERS[reason]?.(deps, data);
}

async function described(
  { api, catalog }: BroadcastDeps,
  chuteId: string | null | undefined,
  version: string | null | undefined,
): Promise<MinerChute | undefined> {
  if (!chuteId || !version) return undefined;
  const chute = await api.chute(chuteId, version);
  if (chute !== undefined) catalog.set(chuteId, chute);
  return chute;
}

function idsOf({ instance_id, config_id }: Data): { instanceId?: string; configId?: string } {
  return { ...(instance_id && { instanceId: instance_id }), ...(config_id && { configId: config_id }) };
}

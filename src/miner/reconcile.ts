import type { Logger } from "../kernel/logger.js";
import type { Fleet } from "./fleet.js";
import type { PlatformApi } from "./platform-api.js";
import type { MinerChute, RemoteInstance } from "./records.js";

export interface ReconcileDeps {
  readonly api: PlatformApi;
  readonly fleet: Fleet;
  /** Chutes as the platform last described them; kept up to date. */
  readonly catalog: Map<string, MinerChute>;
  readonly log: Logger;
}

/**
 * Makes both sides agree: deletes instances the platform lists but nobody runs here (a miner that was killed left them), stops
 * those the platform no longer has, retires old versions, and wants every chute that runs nowhere here. Throws AppError when the
 * platform does not answer. @see protocol 05 §9
 */
export async function reconcile(deps: ReconcileDeps): Promise<void> {
  const { api, fleet, catalog } = deps;
  // Taken first: what starts while the lists travel is not in them and must not be taken for lost.
  const serving = fleet.deployments().flatMap(({ instance }) => (instance === undefined ? [] : [instance.instanceId]));
  const [chutes, remote] = await Promise.all([api.chutes(), api.instances()]);
  if (remote !== undefined) {
    await deleteStrays(deps, remote);
    await stopLost(deps, serving, remote);
  }
  if (chutes === undefined) return;
  catalog.clear();
  for (const chute of chutes) catalog.set(chute.chuteId, chute);
  await retireOutdated(deps);
  fleet.wantOnly(chutes);
}

async function deleteStrays({ api, fleet, log }: ReconcileDeps, remote: readonly RemoteInstance[]): Promise<void> {
  for (const instance of remote) {
    if (fleet.find(instance) !== undefined) continue;
    const { chuteId, instanceId } = instance;
    log.info({ chuteId, instanceId }, "deleting an instance that does not run here");
    await api.deleteInstance(instance);
  }
}

async function stopLost(
  { fleet, log }: ReconcileDeps,
  serving: readonly string[],
  remote: readonly RemoteInstance[],
): Promise<void> {
  const known = new Set(remote.map(({ instanceId }) => instanceId));
  for (const instanceId of serving.filter((id) => !known.has(id))) {
    const deployment = fleet.find({ instanceId });
    if (deployment === undefined) continue;
    const { chuteId } = deployment.chute;
    log.info({ chuteId, instanceId }, "stopping an instance that the platform no longer has");
    await fleet.remove(chuteId);
  }
}

/** During a rolling update old versions stay until their own event. */
async function retireOutdated({ api, fleet, catalog, log }: ReconcileDeps): Promise<void> {
  const outdated = fleet.deployments().filter(({ chute }) => catalog.get(chute.chuteId)?.version !== chute.version);
  if (outdated.length === 0) return;
  const updating = await api.rollingUpdates();
  for (const { chute, instance } of outdated) {
    const { chuteId, version } = chute;
    if (updating.has(chuteId)) continue;
    log.info({ chuteId, version }, "retiring an instance of a version that is no longer current");
    if (instance !== undefined) await api.deleteInstance({ chuteId, instanceId: instance.instanceId });
    await fleet.remove(chuteId);
  }
}

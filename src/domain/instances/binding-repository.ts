import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import type { InstanceEvent } from "../../wire/events.js";
import type { InstanceTransport } from "../../wire/instance-transport.js";
import { type CapacityInputs, decideCapacity, requireCapacity } from "./capacity.js";
import { checkGpuClaim, type OwnedGpu } from "./gpu-match.js";
import { gpuCountOf, type LaunchChute } from "./launch-chute.js";
import type { PortMapping } from "./port-mapping.js";

/** What shared memory says about the demand for a chute. */
export type Demand = Pick<CapacityInputs, "target" | "hasBounty" | "isPrivate">;

/** Everything that a claim fixes about a new instance. */
export interface Binding {
  readonly instanceId: string;
  readonly configId: string;
  readonly chute: LaunchChute;
  readonly miner: { readonly uid: number; readonly hotkey: string; readonly coldkey: string };
  readonly host: string;
  readonly port: number;
  readonly portMappings: readonly PortMapping[];
  readonly symmetricKeyHex: string;
  readonly transport: InstanceTransport;
  readonly computeMultiplier: number;
  readonly hourlyRateUsd: number;
  readonly billedTo: string | null;
  readonly gpuUuids: readonly string[];
  /** Keys of the GPU table that the chute runs on. */
  readonly supported: readonly string[];
  readonly demand: Demand;
  /** Refuse an address at which another miner runs something. */
  readonly exclusiveHost: boolean;
  readonly now: Date;
}

/** Counts that the capacity decision needs besides the demand. @see protocol 05 §6.8 */
export async function capacityCounts(
  db: Db,
  chuteId: string,
  minerHotkey: string,
): Promise<Pick<CapacityInputs, "total" | "active" | "mine" | "rollingUpdate">> {
  const { rows } = await sql<{ total: number; active: number; mine: number; permitted: Record<string, number> | null }>`
    select count(*)::integer as total, count(*) filter (where active and verified)::integer as active,
      count(*) filter (where miner_hotkey = ${minerHotkey})::integer as mine,
      (select permitted from rolling_updates where chute_id = ${chuteId}) as permitted
    from instances where chute_id = ${chuteId}`.execute(db);
  const { permitted, ...counts } = rows[0] ?? { total: 0, active: 0, mine: 0, permitted: null };
  if (permitted === null) return counts;
  const quotaLeft = Object.keys(permitted).length === 0 ? undefined : (permitted[minerHotkey] ?? 0);
  return { ...counts, rollingUpdate: { quotaLeft } };
}

/**
 * Creates the instance on its GPUs, all or nothing. Claims of one chute queue on its row, so capacity is never passed by a race;
 * an address or GPU that somebody else took first is a conflict.
 * @throws AppError `locked_resource`, `conflict`, `not_found`, `invalid`: the wire's answers of protocol 05 §6.4
 */
export function bindInstance(db: Db, binding: Binding): Promise<InstanceEvent> {
  return db.transaction().execute(async (tx) => {
    await lockChute(tx, binding.chute.chuteId);
    await takeCapacity(tx, binding);
    if (binding.exclusiveHost) await refuseForeignHost(tx, binding);
    const owned = await ownedGpus(tx, binding.miner.hotkey, binding.gpuUuids);
    checkGpuClaim({
      uuids: binding.gpuUuids,
      owned,
      gpuCount: gpuCountOf(binding.chute.nodeSelector),
      supported: binding.supported,
      host: binding.host,
    });
    await insertInstance(tx, binding);
    await bindGpus(tx, binding);
    return eventOf(binding, owned);
  });
}

async function lockChute(tx: Db, chuteId: string): Promise<void> {
  const chute = await tx
    .selectFrom("chutes")
    .select("disabled")
    .where("chute_id", "=", chuteId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (chute === undefined) throw new AppError("not_found", `Chute ${chuteId} not found`);
  if (chute.disabled) throw new AppError("locked_resource", `Chute ${chuteId} is disabled`);
}

async function takeCapacity(tx: Db, { chute, miner, demand }: Binding): Promise<void> {
  const counts = await capacityCounts(tx, chute.chuteId, miner.hotkey);
  const decision = decideCapacity({ ...demand, ...counts });
  requireCapacity(decision, chute.chuteId);
  if (!decision.takesQuota) return;
  const { numAffectedRows } = await sql`
    update rolling_updates
    set permitted = jsonb_set(permitted, array[${miner.hotkey}::text], to_jsonb((permitted->>${miner.hotkey})::integer - 1))
    where chute_id = ${chute.chuteId} and (permitted->>${miner.hotkey})::integer > 0`.execute(tx);
  requireCapacity({ ...decision, allowed: numAffectedRows === 1n }, chute.chuteId);
}

async function refuseForeignHost(tx: Db, { host, miner }: Binding): Promise<void> {
  const other = await tx
    .selectFrom("instances")
    .select("instance_id")
    .where(({ fn }) => fn("lower", ["host"]), "=", host.toLowerCase())
    .where("miner_hotkey", "<>", miner.hotkey)
    .limit(1)
    .executeTakeFirst();
  if (other !== undefined) throw new AppError("invalid", `Host ${host} is in use by another miner`);
}

/** The rows are locked against removal until the instance is bound to them. */
async function ownedGpus(tx: Db, minerHotkey: string, uuids: readonly string[]): Promise<OwnedGpu[]> {
  if (uuids.length === 0) return [];
  return tx
    .selectFrom("nodes as n")
    .leftJoin("instance_nodes as b", "b.node_id", "n.uuid")
    .select([
      "n.uuid",
      "n.gpu_identifier as gpuIdentifier",
      "n.verified_at as verifiedAt",
      "n.verification_host as verificationHost",
      "b.instance_id as instanceId",
    ])
    .where("n.miner_hotkey", "=", minerHotkey)
    .where("n.uuid", "in", uuids)
    .orderBy("n.uuid")
    .forKeyShare("n")
    .execute();
}

async function insertInstance(tx: Db, binding: Binding): Promise<void> {
  const { chute, miner, now } = binding;
  const inserted = await tx
    .insertInto("instances")
    .values({
      instance_id: binding.instanceId,
      chute_id: chute.chuteId,
      config_id: binding.configId,
      version: chute.version,
      chutes_version: chute.chutesVersion,
      miner_uid: miner.uid,
      miner_hotkey: miner.hotkey,
      miner_coldkey: miner.coldkey,
      host: binding.host,
      port: binding.port,
      port_mappings: JSON.stringify(binding.portMappings),
      symmetric_key: binding.symmetricKeyHex,
      transport: JSON.stringify(binding.transport),
      compute_multiplier: binding.computeMultiplier,
      hourly_rate: binding.hourlyRateUsd,
      billed_to: binding.billedTo,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("instance_id")
    .executeTakeFirst();
  if (inserted === undefined) throw new AppError("conflict", `${binding.host}:${binding.port} is already in use`);
}

async function bindGpus(tx: Db, { instanceId, gpuUuids }: Binding): Promise<void> {
  const bound = await tx
    .insertInto("instance_nodes")
    .values(gpuUuids.map((uuid) => ({ node_id: uuid, instance_id: instanceId })))
    .onConflict((conflict) => conflict.doNothing())
    .returning("node_id")
    .execute();
  if (bound.length < gpuUuids.length) throw new AppError("conflict", "a GPU is already in use");
}

function eventOf(binding: Binding, owned: readonly OwnedGpu[]): InstanceEvent {
  return {
    instanceId: binding.instanceId,
    chuteId: binding.chute.chuteId,
    minerHotkey: binding.miner.hotkey,
    configId: binding.configId,
    gpuCount: owned.length,
    gpuModelName: owned.map(({ gpuIdentifier }) => gpuIdentifier).sort()[0] ?? "",
  };
}

import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { Nodes } from "../../infra/postgres/schema.js";
import { AppError } from "../../kernel/errors.js";
import { gpuVerified } from "../../wire/events.js";
import { deleteInstancesIn } from "../instances/instance-deletion-repository.js";
import { enqueue } from "../outbox/outbox-repository.js";
import type { CheckedGpu } from "./node.js";

export type NodeRow = Selectable<Nodes>;

export interface NodeBatch {
  readonly minerHotkey: string;
  readonly serverId: string;
  readonly serverName: string | null;
  /** One for the whole batch, 1…2^63−1. */
  readonly seed: bigint;
  readonly gpus: readonly CheckedGpu[];
  readonly now: Date;
}

/** Which of these GPUs the inventory already holds, whoever owns them. */
export async function knownGpus(db: Db, uuids: readonly string[]): Promise<string[]> {
  const rows = await db.selectFrom("nodes").select("uuid").where("uuid", "in", uuids).execute();
  return rows.map(({ uuid }) => uuid);
}

/**
 * Adds GPUs that count as verified from the start, in the order given, and announces each to its miner. All or none.
 * @throws AppError `conflict` when one of them came into the inventory meanwhile
 * @see protocol 05 §3.2
 */
export function insertVerifiedNodes(db: Db, batch: NodeBatch): Promise<NodeRow[]> {
  return db.transaction().execute(async (tx) => {
    const inserted = await tx
      .insertInto("nodes")
      .values(batch.gpus.map((gpu) => rowOf(gpu, batch)))
      .onConflict((conflict) => conflict.column("uuid").doNothing())
      .returningAll()
      .execute();
    if (inserted.length < batch.gpus.length) throw new AppError("conflict", "a GPU is already in the inventory");
    const events = inserted.flatMap(({ uuid }) => gpuVerified({ gpuId: uuid, minerHotkey: batch.minerHotkey }));
    await enqueue(
      tx,
      events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
      batch.now,
    );
    const byUuid = new Map(inserted.map((row) => [row.uuid, row]));
    return batch.gpus.flatMap(({ uuid }) => byUuid.get(uuid) ?? []);
  });
}

/**
 * Takes a GPU out of the inventory, first ending the instance that runs on it.
 * @returns false when the miner has no such GPU
 * @see protocol 05 §3.4
 */
export function removeNode(
  db: Db,
  node: { readonly uuid: string; readonly minerHotkey: string; readonly now: Date },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const owned = await tx
      .selectFrom("nodes")
      .select("uuid")
      .where("uuid", "=", node.uuid)
      .where("miner_hotkey", "=", node.minerHotkey)
      .forUpdate()
      .executeTakeFirst();
    if (owned === undefined) return false;
    const bound = await tx
      .selectFrom("instance_nodes")
      .select("instance_id")
      .where("node_id", "=", node.uuid)
      .execute();
    await deleteInstancesIn(tx, {
      instanceIds: bound.map(({ instance_id }) => instance_id),
      reason: "the miner removed a GPU of this instance from its inventory",
      now: node.now,
    });
    await tx.deleteFrom("nodes").where("uuid", "=", node.uuid).execute();
    return true;
  });
}

/** GPUs of a miner, newest server first, at most `limit`. */
export function nodesOf(db: Db, minerHotkey: string, limit: number): Promise<NodeRow[]> {
  return db
    .selectFrom("nodes")
    .selectAll()
    .where("miner_hotkey", "=", minerHotkey)
    .orderBy("created_at", "desc")
    .orderBy("server_id")
    .orderBy("device_index")
    .limit(limit)
    .execute();
}

/** How many GPUs of a model run something, and how many do not. */
export interface GpuCount {
  readonly gpu: string;
  readonly provisioned: number;
  readonly idle: number;
}

/** Verified GPUs of the whole platform by model. @see protocol 05 §3.5 */
export async function gpuCounts(db: Db): Promise<GpuCount[]> {
  const { rows } = await sql<GpuCount>`
    select n.gpu_identifier as gpu, count(b.node_id)::integer as provisioned, (count(*) - count(b.node_id))::integer as idle
    from nodes n left join instance_nodes b on b.node_id = n.uuid
    where n.verified_at is not null
    group by n.gpu_identifier order by n.gpu_identifier`.execute(db);
  return rows;
}

/** One GPU with the instance on it, if any. */
export interface PlacedGpu {
  readonly uuid: string;
  readonly minerHotkey: string;
  readonly gpu: string;
  readonly instanceId: string | null;
  readonly chuteId: string | null;
  readonly chuteName: string | null;
  readonly chutePublic: boolean | null;
  readonly ownerUsername: string | null;
  readonly instanceActive: boolean | null;
  readonly instanceVerified: boolean | null;
  readonly lastVerifiedAt: Date | null;
  readonly verificationError: string | null;
}

/** GPUs with what runs on them, of one miner or of all, at most `limit`. @see protocol 05 §3.5, §4.4 */
export function placedGpus(
  db: Db,
  { minerHotkey, limit }: { readonly minerHotkey?: string | undefined; readonly limit: number },
): Promise<PlacedGpu[]> {
  const query = db
    .selectFrom("nodes as n")
    .leftJoin("instance_nodes as b", "b.node_id", "n.uuid")
    .leftJoin("instances as i", "i.instance_id", "b.instance_id")
    .leftJoin("chutes as c", "c.chute_id", "i.chute_id")
    .leftJoin("users as u", "u.user_id", "c.user_id")
    .select([
      "n.uuid",
      "n.miner_hotkey as minerHotkey",
      "n.gpu_identifier as gpu",
      "i.instance_id as instanceId",
      "c.chute_id as chuteId",
      "c.name as chuteName",
      "c.public as chutePublic",
      "u.username as ownerUsername",
      "i.active as instanceActive",
      "i.verified as instanceVerified",
      "i.last_verified_at as lastVerifiedAt",
    ])
    .select(({ fn }) => fn.coalesce("i.verification_error", "n.verification_error").as("verificationError"))
    .orderBy("n.uuid")
    .limit(limit);
  return (minerHotkey === undefined ? query : query.where("n.miner_hotkey", "=", minerHotkey)).execute();
}

function rowOf(gpu: CheckedGpu, batch: NodeBatch) {
  return {
    uuid: gpu.uuid,
    miner_hotkey: batch.minerHotkey,
    server_id: batch.serverId,
    server_name: batch.serverName,
    name: gpu.name,
    memory: BigInt(gpu.memory),
    major: gpu.major,
    minor: gpu.minor,
    processors: gpu.processors,
    sxm: gpu.sxm,
    clock_rate: gpu.clock_rate,
    max_threads_per_processor: gpu.max_threads_per_processor,
    concurrent_kernels: gpu.concurrent_kernels,
    ecc: gpu.ecc,
    seed: String(batch.seed),
    gpu_identifier: gpu.gpu_identifier,
    device_index: gpu.device_index,
    verification_host: gpu.verification_host,
    verification_port: gpu.verification_port,
    created_at: batch.now,
    verified_at: batch.now,
  };
}

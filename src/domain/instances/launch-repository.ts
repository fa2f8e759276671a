import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { type InstanceEvent, instanceCreated, instanceVerified, launchTokenCreated } from "../../wire/events.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import { announce, instanceEventColumns } from "./event-repository.js";
import { deleteInstancesIn } from "./instance-deletion-repository.js";
import { gpuCountOf, type LaunchChute } from "./launch-chute.js";

/** The chute that a launch is for. */
export async function launchChute(db: Db, chuteId: string): Promise<LaunchChute | undefined> {
  const row = await db
    .selectFrom("chutes as c")
    .innerJoin("users as u", "u.user_id", "c.user_id")
    .innerJoin("images as i", "i.image_id", "c.image_id")
    .leftJoin("chute_manual_boosts as m", "m.chute_id", "c.chute_id")
    .select([
      "c.chute_id as chuteId",
      "c.user_id as userId",
      "u.username as ownerUsername",
      "c.public",
      "c.version",
      "c.node_selector as nodeSelector",
      "c.disabled",
      "c.tee",
      "c.boost",
      "m.boost as manualBoost",
      "c.allow_external_egress as allowExternalEgress",
      "c.lock_modules as lockModules",
      "c.shutdown_after_seconds as shutdownAfterSeconds",
      "c.max_instances as maxInstances",
      "c.code",
    ])
    .select(({ fn }) => fn.coalesce("i.chutes_version", "c.chutes_version").as("chutesVersion"))
    .where("c.chute_id", "=", chuteId)
    .executeTakeFirst();
  return row && { ...row, nodeSelector: row.nodeSelector as NodeSelector };
}

export interface NewLaunch {
  readonly configId: string;
  readonly chute: LaunchChute;
  readonly miner: { readonly uid: number; readonly hotkey: string; readonly coldkey: string };
  /** 32 hex digits. */
  readonly envKey: string;
  /** 32 hex digits; null for containers that do not ask for it. */
  readonly nonce: string | null;
  readonly now: Date;
}

/**
 * Records a launch that a miner may now start, and tells the public.
 * @throws AppError `not_found` when the chute was deleted meanwhile
 * @see protocol 05 §6.1
 */
export async function insertLaunch(db: Db, launch: NewLaunch): Promise<void> {
  const { configId, chute, miner, envKey, nonce, now } = launch;
  await db.transaction().execute(async (tx) => {
    await holdChute(tx, chute.chuteId);
    await tx
      .insertInto("launch_configs")
      .values({
        config_id: configId,
        chute_id: chute.chuteId,
        env_key: envKey,
        nonce,
        miner_uid: miner.uid,
        miner_hotkey: miner.hotkey,
        miner_coldkey: miner.coldkey,
        created_at: now,
      })
      .execute();
    const event = launchTokenCreated({
      chuteId: chute.chuteId,
      minerHotkey: miner.hotkey,
      gpuCount: gpuCountOf(chute.nodeSelector),
      includeGpus: chute.nodeSelector.include ?? [],
      minVramGb: chute.nodeSelector.min_vram_gb_per_gpu ?? 16,
    });
    await announce(tx, event, now);
  });
}

async function holdChute(tx: Db, chuteId: string): Promise<void> {
  const chute = await tx
    .selectFrom("chutes")
    .select("chute_id")
    .where("chute_id", "=", chuteId)
    .forKeyShare()
    .executeTakeFirst();
  if (chute === undefined) throw new AppError("not_found", `Chute ${chuteId} not found`);
}

/** A launch as its token's holder acts on it. */
export interface Launch {
  readonly configId: string;
  readonly chuteId: string;
  readonly minerUid: number;
  readonly minerHotkey: string;
  readonly minerColdkey: string;
  readonly nonce: string | null;
  /** Chosen when the key was handed over; 0 before. */
  readonly seed: bigint;
  readonly createdAt: Date;
  readonly retrievedAt: Date | null;
  readonly verifiedAt: Date | null;
  readonly failedAt: Date | null;
  readonly activatedAt: Date | null;
  /** Absent before the claim and after the instance's deletion. */
  readonly instance: LaunchedInstance | undefined;
}

export interface LaunchedInstance {
  readonly instanceId: string;
  readonly symmetricKeyHex: string;
  readonly createdAt: Date;
  readonly active: boolean;
  readonly gpuUuids: readonly string[];
  /** Key of the GPU table; of a mixed set the first by name, as in the instance's events. */
  readonly gpuModel: string;
}

/** The launch with its instance, if it has one. */
export async function launchById(db: Db, configId: string): Promise<Launch | undefined> {
  const row = await db
    .selectFrom("launch_configs as l")
    .leftJoin("instances as i", "i.config_id", "l.config_id")
    .select([
      "l.config_id as configId",
      "l.chute_id as chuteId",
      "l.miner_uid as minerUid",
      "l.miner_hotkey as minerHotkey",
      "l.miner_coldkey as minerColdkey",
      "l.nonce",
      "l.seed",
      "l.created_at as createdAt",
      "l.retrieved_at as retrievedAt",
      "l.verified_at as verifiedAt",
      "l.failed_at as failedAt",
      "i.activated_at as activatedAt",
      "i.instance_id as instanceId",
      "i.symmetric_key as symmetricKeyHex",
      "i.created_at as instanceCreatedAt",
      "i.active",
    ])
    .select([
      sql<string[]>`array(select node_id from instance_nodes b where b.instance_id = i.instance_id order by 1)`.as(
        "gpuUuids",
      ),
      sql<string | null>`
        (select min(n.gpu_identifier) from instance_nodes b join nodes n on n.uuid = b.node_id
         where b.instance_id = i.instance_id)`.as("gpuModel"),
    ])
    .where("l.config_id", "=", configId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const {
    instanceId,
    symmetricKeyHex,
    instanceCreatedAt: createdAt,
    active,
    gpuUuids,
    gpuModel,
    seed,
    ...launch
  } = row;
  const instance =
    instanceId === null || symmetricKeyHex === null || createdAt === null
      ? undefined
      : { instanceId, symmetricKeyHex, createdAt, active: active === true, gpuUuids, gpuModel: gpuModel ?? "" };
  return { ...launch, seed: BigInt(seed), instance };
}

/** Takes the single use of a launch. @returns false for all but the first caller */
export async function takeLaunch(db: Db, configId: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("launch_configs")
    .set({ retrieved_at: now })
    .where("config_id", "=", configId)
    .where("retrieved_at", "is", null)
    .where("failed_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export interface HandOver {
  readonly configId: string;
  readonly instance: InstanceEvent;
  readonly host: string;
  readonly port: number;
  readonly seed: bigint;
  /** Starts the container's stopwatch. */
  readonly now: Date;
}

/**
 * Closes a claim: the seed is fixed, the stopwatch starts, the instance becomes public.
 * @throws AppError `forbidden` when the launch failed meanwhile
 * @see protocol 05 §6.4 steps 10, 11
 */
export async function recordHandOver(db: Db, handOver: HandOver): Promise<void> {
  const { configId, instance, host, port, seed, now } = handOver;
  await db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable("launch_configs")
      .set({ seed: String(seed), retrieved_at: now, host, port })
      .where("config_id", "=", configId)
      .where("failed_at", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new AppError("forbidden", "This launch config has failed");
    await announce(tx, instanceCreated(instance), now);
  });
}

/**
 * Marks a claimed launch and its instance verified and says so. @returns false when another call was first or the launch failed
 * @throws AppError `not_found` when the instance is gone
 * @see protocol 05 §6.5
 */
export async function markVerified(db: Db, configId: string, now: Date): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable("launch_configs")
      .set({ verified_at: now })
      .where("config_id", "=", configId)
      .where("retrieved_at", "is not", null)
      .where("verified_at", "is", null)
      .where("failed_at", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    const { rows } = await sql<InstanceEvent>`
      update instances i set verified = true, verified_at = ${now}, last_verified_at = ${now}, updated_at = ${now}
      where i.config_id = ${configId} and not i.verified returning ${instanceEventColumns}`.execute(tx);
    const [instance] = rows;
    if (instance === undefined) throw new AppError("not_found", "The instance of this launch config is gone");
    await announce(tx, instanceVerified(instance), now);
    return true;
  });
}

/** Ends a launch for good, with its instance if there is one. Idempotent: the first reason stays. @see protocol 05 §6.11 */
export async function failLaunch(
  db: Db,
  failure: { readonly configId: string; readonly reason: string; readonly now: Date },
): Promise<void> {
  const { configId, reason, now } = failure;
  await db.transaction().execute(async (tx) => {
    await tx
      .updateTable("launch_configs")
      .set({ failed_at: now, verification_error: reason })
      .where("config_id", "=", configId)
      .where("failed_at", "is", null)
      .execute();
    const rows = await tx.selectFrom("instances").select("instance_id").where("config_id", "=", configId).execute();
    await deleteInstancesIn(tx, { instanceIds: rows.map(({ instance_id }) => instance_id), reason, now });
  });
}

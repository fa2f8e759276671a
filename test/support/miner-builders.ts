import type { Db } from "../../src/infra/postgres/client.js";
import type { Cord } from "../../src/wire/cords.js";
import type { NodeSelector } from "../../src/wire/node-selector.js";

/** When the things that tests make began to exist. */
export const MADE_AT = new Date("2026-01-07T10:00:00Z");
export const NETUID = 64;

/** A registered hotkey. */
export async function givenMiner(
  db: Db,
  miner: { hotkey: string; uid?: number; blacklistReason?: string },
): Promise<void> {
  await db
    .insertInto("metagraph_nodes")
    .values({
      netuid: NETUID,
      hotkey: miner.hotkey,
      coldkey: `cold-of-${miner.hotkey}`,
      checksum: "test",
      node_id: miner.uid ?? 1,
      synced_at: MADE_AT,
      blacklist_reason: miner.blacklistReason ?? null,
    })
    .execute();
}

/** An account that owns chutes and images; its id is its name. */
export async function givenUser(db: Db, username: string): Promise<void> {
  await db
    .insertInto("users")
    .values({
      user_id: username,
      username,
      coldkey: "cold",
      payment_address: "pay",
      wallet_secret: "sealed",
      fingerprint_hash: `fp-${username}`,
      created_at: MADE_AT,
      updated_at: MADE_AT,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export interface ImageSettings {
  readonly imageId: string;
  readonly username?: string;
  readonly name?: string;
  readonly tag?: string;
  readonly patchVersion?: string | null;
  readonly chutesVersion?: string | null;
}

/** A built image. */
export async function givenImage(db: Db, image: ImageSettings): Promise<void> {
  const username = image.username ?? "dev";
  await givenUser(db, username);
  await db
    .insertInto("images")
    .values({
      image_id: image.imageId,
      user_id: username,
      name: image.name ?? "engine",
      tag: image.tag ?? "1.0",
      status: "built and pushed",
      patch_version: image.patchVersion ?? null,
      chutes_version: image.chutesVersion === undefined ? "0.6.10" : image.chutesVersion,
      created_at: MADE_AT,
    })
    .execute();
}

export interface ChuteSettings {
  readonly chuteId: string;
  readonly username?: string;
  readonly imageId?: string;
  readonly public?: boolean;
  readonly nodeSelector?: NodeSelector;
  readonly chutesVersion?: string | null;
  readonly disabled?: boolean;
  readonly shutdownAfterSeconds?: number;
  readonly code?: string;
  readonly allowExternalEgress?: boolean;
  readonly tee?: boolean;
  readonly cords?: readonly Cord[];
}

/** A deployed chute, with its owner and, unless named, an image of its own. */
export async function givenChute(db: Db, chute: ChuteSettings): Promise<void> {
  const username = chute.username ?? "dev";
  const imageId = chute.imageId ?? `image-of-${chute.chuteId}`;
  await givenUser(db, username);
  if (chute.imageId === undefined) {
    const chutesVersion = chute.chutesVersion === undefined ? "0.6.10" : chute.chutesVersion;
    await givenImage(db, { imageId, username, name: `engine-${chute.chuteId}`, chutesVersion });
  }
  await db
    .insertInto("chutes")
    .values({
      chute_id: chute.chuteId,
      user_id: username,
      name: `chute-${chute.chuteId}`,
      image_id: imageId,
      public: chute.public ?? true,
      cords: JSON.stringify(chute.cords ?? []),
      node_selector: JSON.stringify(chute.nodeSelector ?? { gpu_count: 1, include: ["h100_sxm"] }),
      slug: `slug-${chute.chuteId}`,
      code: chute.code ?? "print('real source')",
      filename: "app.py",
      ref_str: "app:chute",
      version: "v1",
      chutes_version: chute.chutesVersion === undefined ? "0.6.10" : chute.chutesVersion,
      disabled: chute.disabled ?? false,
      tee: chute.tee ?? false,
      shutdown_after_seconds: chute.shutdownAfterSeconds ?? null,
      allow_external_egress: chute.allowExternalEgress ?? false,
      created_at: MADE_AT,
      updated_at: MADE_AT,
    })
    .execute();
}

/** A verified GPU in the inventory. */
export async function givenGpu(
  db: Db,
  gpu: { uuid: string; hotkey: string; host?: string; model?: string; verifiedAt?: Date | null; serverId?: string },
): Promise<void> {
  await db
    .insertInto("nodes")
    .values({
      uuid: gpu.uuid,
      miner_hotkey: gpu.hotkey,
      server_id: gpu.serverId ?? "server-1",
      name: "NVIDIA H100 80GB HBM3",
      memory: 85_045_411_840n,
      clock_rate: 1_980_000,
      seed: "6148914691236517205",
      gpu_identifier: gpu.model ?? "h100_sxm",
      device_index: 0,
      verification_host: gpu.host ?? "127.0.0.1",
      verification_port: 31_234,
      created_at: MADE_AT,
      verified_at: gpu.verifiedAt === undefined ? MADE_AT : gpu.verifiedAt,
    })
    .execute();
}

export interface InstanceSettings {
  readonly instanceId: string;
  readonly chuteId: string;
  readonly hotkey: string;
  readonly port?: number;
  readonly active?: boolean;
  readonly verified?: boolean;
  readonly configId?: string | null;
  readonly gpus?: readonly string[];
  readonly createdAt?: Date;
  readonly stopBillingAt?: Date | null;
  readonly computeMultiplier?: number;
}

/** An instance as activation, a minute after its creation, would have left it, unless said otherwise. */
export async function givenInstance(db: Db, instance: InstanceSettings): Promise<void> {
  const createdAt = instance.createdAt ?? MADE_AT;
  const active = instance.active ?? true;
  await db
    .insertInto("instances")
    .values({
      instance_id: instance.instanceId,
      chute_id: instance.chuteId,
      config_id: instance.configId ?? null,
      version: "v1",
      chutes_version: "0.6.10",
      miner_uid: 1,
      miner_hotkey: instance.hotkey,
      miner_coldkey: "cold",
      host: "127.0.0.1",
      port: instance.port ?? 31_000,
      symmetric_key: "00".repeat(16),
      verified: instance.verified ?? true,
      compute_multiplier: instance.computeMultiplier ?? 1,
      created_at: createdAt,
      updated_at: createdAt,
    })
    .execute();
  // In two steps, so that the audit triggers see the activation.
  await db
    .updateTable("instances")
    .set({
      active,
      activated_at: active ? new Date(createdAt.getTime() + 60_000) : null,
      stop_billing_at: instance.stopBillingAt ?? null,
    })
    .where("instance_id", "=", instance.instanceId)
    .execute();
  for (const uuid of instance.gpus ?? []) {
    await db.insertInto("instance_nodes").values({ node_id: uuid, instance_id: instance.instanceId }).execute();
  }
}

/** What was published on a channel so far, in order. */
export async function outboxOf(db: Db, channel: string): Promise<Record<string, unknown>[]> {
  const rows = await db
    .selectFrom("outbox")
    .select("payload")
    .where("channel", "=", channel)
    .orderBy("event_id")
    .execute();
  return rows.map(({ payload }) => payload as Record<string, unknown>);
}

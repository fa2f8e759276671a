import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type InstanceEvent, instanceActivated } from "../../wire/events.js";
import type { InstanceTarget, InstanceTransport } from "../../wire/instance-transport.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { announce, instanceEventColumns } from "./event-repository.js";
import { deleteInstancesIn } from "./instance-deletion-repository.js";

/** Instances of a chute that may be called: active and verified, at most a thousand. @see protocol 04 §5.1 */
export async function targetsOf(db: Db, chuteId: string): Promise<InstanceTarget[]> {
  const rows = await db
    .selectFrom("instances")
    .select([
      "instance_id as instanceId",
      "chute_id as chuteId",
      "miner_uid as minerUid",
      "miner_hotkey as minerHotkey",
      "miner_coldkey as minerColdkey",
      "host",
      "port",
      "chutes_version as chutesVersion",
      "config_id as configId",
      "symmetric_key as symmetricKeyHex",
      "transport",
      "compute_multiplier as computeMultiplier",
      "billed_to as billedTo",
      "bounty",
      "created_at as createdAt",
      "activated_at as activatedAt",
    ])
    .where("chute_id", "=", chuteId)
    .where("active", "=", true)
    .where("verified", "=", true)
    .orderBy("instance_id")
    .limit(MAX_TARGETS)
    .execute();
  return rows.map((row) => ({ ...row, transport: row.transport as InstanceTransport }));
}

const MAX_TARGETS = 1000;

export interface InstanceDeletion {
  readonly instanceId: string;
  /** Sentence for the audit; scoring compares some of them literally. @see protocol 05 §6.7 */
  readonly reason: string;
  readonly now: Date;
  /** The miner keeps what it earned; left out, scoring judges by the reason. */
  readonly validTermination?: boolean;
  /** Only an instance of this miner and chute. */
  readonly ownedBy?: { readonly minerHotkey: string; readonly chuteId: string };
}

/**
 * Deletes one instance with its audit entry and events, in one transaction.
 * @returns false when there is no such instance (any more)
 * @see protocol 10 §2.1
 */
export function deleteInstance(db: Db, deletion: InstanceDeletion): Promise<boolean> {
  const { instanceId, ownedBy, ...rest } = deletion;
  return db.transaction().execute(async (tx) => {
    if (ownedBy !== undefined && !(await isOwned(tx, instanceId, ownedBy))) return false;
    return (await deleteInstancesIn(tx, { ...rest, instanceIds: [instanceId] })).length > 0;
  });
}

async function isOwned(tx: Db, instanceId: string, by: { minerHotkey: string; chuteId: string }): Promise<boolean> {
  const row = await tx
    .selectFrom("instances")
    .select("instance_id")
    .where("instance_id", "=", instanceId)
    .where("miner_hotkey", "=", by.minerHotkey)
    .where("chute_id", "=", by.chuteId)
    .executeTakeFirst();
  return row !== undefined;
}

export interface Activation {
  readonly instanceId: string;
  readonly now: Date;
  readonly computeMultiplier: number;
  /** When an unused private instance ends; null for public ones. */
  readonly stopBillingAt: Date | null;
  /** Takes the chute's bounty; asked only by the caller that wins the activation. */
  readonly claimBounty: () => Promise<boolean>;
}

/**
 * Lets a verified instance serve. Of concurrent callers one wins; the others change nothing.
 * @returns false when it was active already, not verified, or gone
 * @see protocol 05 §6.6
 */
export function activateInstance(db: Db, activation: Activation): Promise<boolean> {
  const { instanceId, now } = activation;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<InstanceEvent>`
      update instances i set active = true, activated_at = ${now}, updated_at = ${now},
        compute_multiplier = ${activation.computeMultiplier}, stop_billing_at = ${activation.stopBillingAt}
      where instance_id = ${instanceId} and verified and not active and activated_at is null
      returning ${instanceEventColumns}`.execute(tx);
    const [event] = rows;
    if (event === undefined) return false;
    if (await activation.claimBounty()) {
      await tx.updateTable("instances").set({ bounty: true }).where("instance_id", "=", instanceId).execute();
    }
    await announce(tx, instanceActivated(event), now);
    await invalidate(tx, [{ kind: "instances", id: event.chuteId }], now);
    return true;
  });
}

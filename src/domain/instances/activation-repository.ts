import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type InstanceEvent, instanceActivated } from "../../wire/events.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { announce, instanceEventColumns } from "./event-repository.js";

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
  // The spans before and after activation are kept by their starts, which therefore must differ.
  const servesFrom = sql`greatest(${now}::timestamptz, i.created_at + interval '1 millisecond')`;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<InstanceEvent>`
      update instances i set active = true, activated_at = ${servesFrom}, updated_at = ${servesFrom},
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

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type InstanceEvent, instanceActivated } from "../../wire/events.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { announce, instanceEventColumns } from "./event-repository.js";

export interface Activation {
  readonly instanceId: string;
  readonly now: Date;
  /** When an unused private instance ends; null for public ones. */
  readonly stopBillingAt: Date | null;
  /** What the instance earns from now on. Asked only by the caller that wins the activation: it may take the chute's bounty. */
  readonly earn: () => Promise<Earnings>;
}

/** What an instance earns, and whether it took a bounty for it. */
export interface Earnings {
  readonly computeMultiplier: number;
  readonly bounty: boolean;
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
    const waiting = await sql`select from instances
      where instance_id = ${instanceId} and verified and not active and activated_at is null for no key update`.execute(
      tx,
    );
    if (waiting.rows.length === 0) return false;
    const { computeMultiplier, bounty } = await activation.earn();
    const { rows } = await sql<InstanceEvent>`
      update instances i set active = true, activated_at = ${servesFrom}, updated_at = ${servesFrom},
        compute_multiplier = ${computeMultiplier}, bounty = ${bounty}, stop_billing_at = ${activation.stopBillingAt}
      where instance_id = ${instanceId} returning ${instanceEventColumns}`.execute(tx);
    const [event] = rows;
    if (event === undefined) return false;
    await announce(tx, instanceActivated(event), now);
    await invalidate(tx, [{ kind: "instances", id: event.chuteId }], now);
    return true;
  });
}

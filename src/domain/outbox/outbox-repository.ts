import type { Db } from "../../infra/postgres/client.js";

/** A message for a Redis channel. */
export interface OutboxMessage {
  readonly channel: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Redis channel on which processes learn that a cached object changed. */
export const INVALIDATION_CHANNEL = "cache_invalidate";

/** What changed: every cache of that kind drops that id. */
export interface Invalidation {
  /** `balance` is money only: what the account is and may do has not changed. */
  readonly kind: "account" | "api_key" | "balance" | "chute" | "instances" | "metagraph";
  readonly id: string;
}

/** Writes messages in the caller's transaction; the relay publishes them after its commit. @see protocol 10 §14 */
export async function enqueue(tx: Db, messages: readonly OutboxMessage[], now: Date): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map(({ channel, payload }) => ({ channel, payload: JSON.stringify(payload), created_at: now }));
  await tx.insertInto("outbox").values(rows).execute();
}

/** Announces changed objects in the caller's transaction. */
export function invalidate(tx: Db, changes: readonly Invalidation[], now: Date): Promise<void> {
  return enqueue(
    tx,
    changes.map((change) => ({ channel: INVALIDATION_CHANNEL, payload: { ...change } })),
    now,
  );
}

import { type Db, listen } from "../infra/postgres/client.js";
import type { Redis } from "../infra/redis/client.js";
import { type Running, runLoop } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { guardLease, type Lease, releaseLease, renewLease, takeLease } from "./lease.js";

export interface RelayDeps {
  readonly db: Db;
  readonly databaseUrl: string;
  readonly redis: Redis;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly leaseSeconds: number;
  /** Longest time an event waits when no notification arrives. */
  readonly intervalMs: number;
}

const JOB = "outbox-relay";
const BATCH = 500;

/**
 * Publishes outbox rows to Redis in order, at least once: rows are removed only after Redis took them. One relay works at a time;
 * others stand by for its lease.
 * @see protocol 10 §14
 */
export function startOutboxRelay(deps: RelayDeps, holder: string): Running {
  return runLoop(
    { name: JOB, signal: deps.signal, log: deps.log, intervalMs: 1000, maxBackoffMs: 5000 },
    async (signal) => {
      const lease = await takeLease(deps.db, { job: JOB, holder, seconds: deps.leaseSeconds });
      if (lease === undefined) return;
      await relayWhileHeld({ ...deps, signal }, lease).finally(() =>
        releaseLease(deps.db, lease).catch(() => undefined),
      );
    },
  );
}

async function relayWhileHeld(deps: RelayDeps, lease: Lease): Promise<void> {
  const bell = new Bell();
  const ring = () => bell.ring();
  // Without its notifications the relay would be late for every event, so a lost connection starts a new turn.
  const stopListening = await listen(deps.databaseUrl, "outbox", { notify: ring, end: () => bell.ring("broken") });
  deps.signal.addEventListener("abort", ring);
  try {
    await relayUntil(deps, lease, bell);
  } finally {
    deps.signal.removeEventListener("abort", ring);
    await stopListening().catch(() => undefined);
  }
}

async function relayUntil(deps: RelayDeps, lease: Lease, bell: Bell): Promise<void> {
  const renewalMs = (deps.leaseSeconds * 1000) / 3;
  let renewed = performance.now();
  while (!deps.signal.aborted && !bell.isBroken) {
    const published = await relayBatch(deps, lease);
    if (published < BATCH) await bell.wait(Math.min(deps.intervalMs, renewalMs));
    if (performance.now() - renewed < renewalMs) continue;
    if (!(await renewLease(deps.db, lease, deps.leaseSeconds))) return;
    renewed = performance.now();
  }
}

/** @returns how many events were published and removed */
async function relayBatch(deps: RelayDeps, lease: Lease): Promise<number> {
  const rows = await deps.db
    .selectFrom("outbox")
    .select(["event_id", "channel", "payload"])
    .orderBy("event_id")
    .limit(BATCH)
    .execute();
  if (rows.length === 0) return 0;
  const pipeline = deps.redis.pipeline();
  for (const row of rows) pipeline.publish(row.channel, JSON.stringify(row.payload));
  const answers = (await pipeline.exec()) ?? [];
  const failed = answers.findIndex(([error]) => error !== null);
  const done = failed === -1 ? rows : rows.slice(0, failed);
  if (done.length > 0) await remove(deps, lease, done);
  const error = answers[failed]?.[0];
  if (error instanceof Error) throw error;
  return done.length;
}

/** Row by row, for a smaller id may still be committed by a transaction that is slower than its followers. */
async function remove(deps: RelayDeps, lease: Lease, rows: readonly { readonly event_id: bigint }[]): Promise<void> {
  const ids = rows.map((row) => row.event_id);
  await deps.db.transaction().execute(async (tx) => {
    await guardLease(tx, lease);
    await tx.deleteFrom("outbox").where("event_id", "in", ids).execute();
  });
}

/** Wakes a waiter; a ring while nobody waits is remembered. */
class Bell {
  #rung = false;
  #wake: () => void = () => undefined;
  isBroken = false;

  ring(how?: "broken"): void {
    this.#rung = true;
    if (how === "broken") this.isBroken = true;
    this.#wake();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = () => undefined;
  }
}

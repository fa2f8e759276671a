import { type Db, listen } from "../infra/postgres/client.js";
import type { Redis } from "../infra/redis/client.js";
import { pause, type Running, runLoop } from "../kernel/lifecycle.js";
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
  const stopListening = await listen(deps.databaseUrl, "outbox", { notify: () => bell.ring(), end: () => bell.ring() });
  let renewed = performance.now();
  try {
    while (!deps.signal.aborted) {
      const published = await relayBatch(deps, lease);
      if (published < BATCH) await bell.wait(deps.intervalMs, deps.signal);
      if (performance.now() - renewed < (deps.leaseSeconds * 1000) / 3) continue;
      if (!(await renewLease(deps.db, lease, deps.leaseSeconds))) return;
      renewed = performance.now();
    }
  } finally {
    await stopListening().catch(() => undefined);
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
  await deps.db.transaction().execute(async (tx) => {
    await guardLease(tx, lease);
    await tx
      .deleteFrom("outbox")
      .where(
        "event_id",
        "in",
        done.map((row) => row.event_id),
      )
      .execute();
  });
  const error = answers[failed]?.[0];
  if (error instanceof Error) throw error;
  return done.length;
}

/** Wakes a waiter; a ring while nobody waits is remembered. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const stop = new AbortController();
      await Promise.race([woken, pause(ms, AbortSignal.any([signal, stop.signal]))]);
      stop.abort();
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}

import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { enqueue } from "../../../src/domain/outbox/outbox-repository.js";
import type { Db } from "../../../src/infra/postgres/client.js";
import { openRedis, type Redis } from "../../../src/infra/redis/client.js";
import { subscribe } from "../../../src/infra/redis/pubsub.js";
import { type RelayDeps, startOutboxRelay } from "../../../src/jobs/outbox-relay.js";
import { test as base } from "../../support/fixtures.js";
import { type RedisServer, startRedisServer } from "../../support/redis-server.js";

interface Fixtures {
  server: RedisServer;
  redis: Redis;
  relayDeps: RelayDeps;
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  server: async ({}, use) => {
    const server = await startRedisServer({ own: true });
    if (server === undefined) throw new Error("these tests need redis-server or valkey-server on PATH");
    await use(server);
    await server.close();
  },
  redis: async ({ server, log }, use) => {
    const redis = openRedis(server.url, log);
    await use(redis);
    redis.disconnect();
  },
  relayDeps: async ({ db, databaseUrl, redis, log }, use) => {
    const { signal } = new AbortController();
    await use({ db, databaseUrl, redis, log, signal, leaseSeconds: 3, intervalMs: 60_000 });
  },
});

/** Numbers that arrive on the channel, in order. */
async function numbersOn(redis: Redis, deps: Pick<RelayDeps, "log" | "signal">): Promise<number[]> {
  const numbers: number[] = [];
  const subscription = await subscribe({ redis, ...deps }, "numbers", (payload) => {
    numbers.push((payload as { n: number }).n);
  });
  onTestFinished(() => subscription.close());
  return numbers;
}

function startRelay(deps: RelayDeps, holder: string) {
  const relay = startOutboxRelay(deps, holder);
  onTestFinished(() => relay.close());
  return relay;
}

function send(db: Db, numbers: readonly number[]): Promise<void> {
  const messages = numbers.map((n) => ({ channel: "numbers", payload: { n } }));
  return db.transaction().execute((tx) => enqueue(tx, messages, new Date()));
}

async function waiting(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from outbox`.execute(db);
  return rows[0]?.count ?? 0;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

async function holderOf(db: Db): Promise<string | undefined> {
  const lease = await db.selectFrom("job_leases").select("holder").where("job", "=", "outbox-relay").executeTakeFirst();
  return lease?.holder;
}

test("events leave in order and are removed, more than one batch of them", async ({ db, redis, relayDeps }) => {
  const numbers = await numbersOn(redis, relayDeps);
  await send(db, upTo(1200));
  startRelay(relayDeps, "a");
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(1200);
  expect(numbers).toEqual(upTo(1200));
  await expect.poll(() => waiting(db), { timeout: 5000 }).toBe(0);
});

test("a notification wakes the relay long before its interval", async ({ db, redis, relayDeps }) => {
  const numbers = await numbersOn(redis, relayDeps);
  startRelay(relayDeps, "a");
  await send(db, [0]);
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(1);
  const delays: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    const sentAt = performance.now();
    await send(db, [round]);
    await expect.poll(() => numbers.length, { timeout: 5000, interval: 2 }).toBe(round + 1);
    delays.push(performance.now() - sentAt);
  }
  expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(200);
});

test("what was rolled back is never published", async ({ db, redis, relayDeps }) => {
  const numbers = await numbersOn(redis, relayDeps);
  startRelay(relayDeps, "a");
  const messages = [{ channel: "numbers", payload: { n: 99 } }];
  const failing = db.transaction().execute(async (tx) => {
    await enqueue(tx, messages, new Date());
    throw new Error("rolled back");
  });
  await expect(failing).rejects.toThrow("rolled back");
  await send(db, [1]);
  await expect.poll(() => numbers, { timeout: 5000 }).toEqual([1]);
});

test("two relays side by side publish every event once, in order, and the second takes over from the first", async ({
  db,
  redis,
  relayDeps,
}) => {
  const numbers = await numbersOn(redis, relayDeps);
  const first = startRelay(relayDeps, "a");
  await expect.poll(() => holderOf(db), { timeout: 5000 }).toBe("a");
  startRelay(relayDeps, "b");
  for (let n = 0; n < 200; n += 1) await send(db, [n]);
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(200);
  await first.close();
  await send(db, [200, 201]);
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(202);
  expect(numbers).toEqual(upTo(202));
  expect(await holderOf(db)).toBe("b");
});

test("events of an outage are kept and published when redis is back", async ({ db, redis, server, relayDeps }) => {
  startRelay(relayDeps, "a");
  await send(db, [0]);
  await expect.poll(() => waiting(db), { timeout: 5000 }).toBe(0);
  await server.kill();
  await send(db, [1, 2]);
  await send(db, [3]);
  await new Promise((resolve) => redis.once("error", resolve));
  expect(await waiting(db)).toBe(3);
  await server.restart();
  await expect.poll(() => redis.status, { timeout: 5000 }).toBe("ready");
  const numbers = await numbersOn(redis, relayDeps);
  await send(db, [4]);
  await expect.poll(() => numbers.at(-1), { timeout: 15_000 }).toBe(4);
  await expect.poll(() => waiting(db), { timeout: 5000 }).toBe(0);
  // The relay may have published before anybody subscribed again, and twice, but never out of order.
  const arrived = [...new Set(numbers)];
  expect(arrived).toEqual(upTo(5).slice(5 - arrived.length));
});

test("a relay that loses its database connection listens again", async ({ db, redis, relayDeps }) => {
  const numbers = await numbersOn(redis, relayDeps);
  startRelay(relayDeps, "a");
  await send(db, [0]);
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(1);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`.execute(
    db,
  );
  const listeners = async () => {
    const { rows } =
      await sql`select 1 from pg_stat_activity where query like 'listen %' and datname = current_database()`.execute(
        db,
      );
    return rows.length;
  };
  await expect.poll(listeners, { timeout: 5000 }).toBe(1);
  const sentAt = performance.now();
  await send(db, [1]);
  await expect.poll(() => numbers.length, { timeout: 5000 }).toBe(2);
  expect(performance.now() - sentAt).toBeLessThan(3000);
});

test("a relay keeps its lease through intervals longer than it", async ({ db, redis, relayDeps }) => {
  const numbers = await numbersOn(redis, relayDeps);
  startRelay(relayDeps, "a");
  await expect.poll(() => holderOf(db), { timeout: 5000 }).toBe("a");
  const lease = () => db.selectFrom("job_leases").select(["fence", "expires_at"]).executeTakeFirstOrThrow();
  const taken = await lease();
  const prolonged = async () => (await lease()).expires_at.getTime() - taken.expires_at.getTime();
  await expect.poll(prolonged, { timeout: 8000 }).toBeGreaterThan(relayDeps.leaseSeconds * 1000);
  expect((await lease()).fence).toBe(taken.fence);
  await send(db, [7]);
  await expect.poll(() => numbers, { timeout: 5000 }).toEqual([7]);
});

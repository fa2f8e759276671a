import { expect } from "vitest";
import { forgive, throttle } from "../../../../src/domain/accounts/attempt-store.js";
import { openRedis, type Redis } from "../../../../src/infra/redis/client.js";
import { AppError } from "../../../../src/kernel/errors.js";
import { test as base } from "../../../support/fixtures.js";
import { startRedisServer } from "../../../support/redis-server.js";

const START = new Date("2026-01-07T10:00:00Z").getTime();

/** Both kinds of shared memory: the in-process twin always, a server where one is installed. */
const test = base.extend<{ stores: Redis[] }>({
  stores: async ({ log }, use) => {
    const server = await startRedisServer();
    const urls = [`memory:${Math.random()}`, ...(server === undefined ? [] : [server.url])];
    const stores = urls.map((url) => openRedis(url, log));
    await use(stores);
    for (const store of stores) store.disconnect();
    await server?.close();
  },
});

/** Seconds to wait; 0 when let in. */
async function attempt(redis: Redis, key: string, seconds: number): Promise<number> {
  const what = { action: "test", key, limit: 3, now: new Date(START + seconds * 1000) };
  const error: unknown = await throttle(redis, what).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return 0;
  if (!(error instanceof AppError) || error.kind !== "rate_limited") throw error;
  return Number(error.headers["retry-after"]);
}

test("beyond the limit the wait doubles each time, up to an hour, and ends", async ({ stores }) => {
  for (const redis of stores) {
    const key = `ip-${Math.random()}`;
    let now = 0;
    for (let times = 0; times < 3; times += 1) expect(await attempt(redis, key, now)).toBe(0);
    expect(await attempt(redis, key, now)).toBe(60);
    expect(await attempt(redis, key, now + 59)).toBe(1);
    for (const wait of [120, 240, 480, 960, 1920, 3600, 3600]) {
      now += 4000;
      for (let times = 0; times < 3; times += 1) expect(await attempt(redis, key, now)).toBe(0);
      expect(await attempt(redis, key, now)).toBe(wait);
    }
    expect(await attempt(redis, `other-${key}`, now)).toBe(0);
  }
});

test("attempts of a minute ago do not count, and neither do forgiven ones", async ({ stores }) => {
  for (const redis of stores) {
    const key = `ip-${Math.random()}`;
    for (const seconds of [0, 1, 2, 60, 61, 62]) expect(await attempt(redis, key, seconds)).toBe(0);
    for (let times = 0; times < 10; times += 1) {
      expect(await attempt(redis, key, 120)).toBe(0);
      await forgive(redis, { action: "test", key });
    }
    for (let times = 0; times < 3; times += 1) expect(await attempt(redis, key, 121)).toBe(0);
    expect(await attempt(redis, key, 121)).toBe(60);
    // Being right afterwards opens nothing.
    await forgive(redis, { action: "test", key });
    expect(await attempt(redis, key, 122)).toBe(59);
  }
});

test("parallel attempts cannot pass together", async ({ stores }) => {
  for (const redis of stores) {
    const key = `ip-${Math.random()}`;
    const waits = await Promise.all(Array.from({ length: 20 }, () => attempt(redis, key, 0)));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(3);
  }
});

test("what cannot be counted is not let in", async ({ log }) => {
  const redis = openRedis("redis://127.0.0.1:1/0", log);
  const refused = throttle(redis, { action: "test", key: "k", limit: 3, now: new Date(START) });
  await expect(refused).rejects.toMatchObject({ kind: "unavailable" });
  redis.disconnect();
});

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openRedis, type Redis } from "../../../src/infra/redis/client.js";
import { publish, subscribe } from "../../../src/infra/redis/pubsub.js";
import { slidingWindow } from "../../../src/infra/redis/sliding-window.js";
import { takeIfPresent } from "../../../src/infra/redis/take-if-present.js";
import { createLogger } from "../../../src/kernel/logger.js";
import { type RedisServer, startRedisServer } from "../../support/redis-server.js";

const log = createLogger({ level: "silent", secrets: [] });
const server = await startRedisServer();
const adapters = [
  { name: "memory", url: `memory:${randomUUID()}` },
  ...(server === undefined ? [] : [{ name: "server", url: server.url }]),
];
afterAll(() => (server as RedisServer | undefined)?.close());

test.skipIf(server !== undefined)("a redis server is installed", (context) => {
  context.skip("neither redis-server nor valkey-server is on PATH: the server half of this suite did not run");
});

describe.each(adapters)("$name", ({ url }) => {
  let redis: Redis;
  let other: Redis;
  const key = () => `test:${randomUUID()}`;
  /** Runs Lua text as a command of its own. */
  const evaluate = (lua: string, ...args: (string | number)[]): Promise<unknown> => {
    const name = `test-${randomUUID()}`;
    redis.defineCommand(name, { numberOfKeys: 0, lua });
    const scripts = redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
    return scripts[name]?.(...args) ?? Promise.reject(new Error("not defined"));
  };

  beforeAll(() => {
    redis = openRedis(url, log);
    other = openRedis(url, log);
    return async () => {
      await redis.quit();
      await other.quit();
    };
  });

  test("a value written on one connection is read on another", async () => {
    const name = key();
    expect(await redis.get(name)).toBeNull();
    expect(await redis.set(name, "ü✓")).toBe("OK");
    expect(await other.get(name)).toBe("ü✓");
    expect(await redis.mget(name, key())).toEqual(["ü✓", null]);
    expect(await other.getdel(name)).toBe("ü✓");
    expect(await redis.exists(name)).toBe(0);
  });

  test("set-if-absent lets exactly one of two writers through", async () => {
    const name = key();
    const answers = await Promise.all([redis.set(name, "1", "EX", 60, "NX"), other.set(name, "2", "EX", 60, "NX")]);
    expect(answers.filter((answer) => answer === "OK")).toHaveLength(1);
    expect(await redis.ttl(name)).toBeGreaterThan(50);
  });

  test("concurrent increments are all counted, whole and fractional", async () => {
    const name = key();
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? redis : other).incr(name)));
    expect(new Set(answers).size).toBe(50);
    expect(await redis.decrby(name, 8)).toBe(42);
    expect(Number(await redis.incrbyfloat(name, 0.1))).toBeCloseTo(42.1);
    expect(Number(await redis.hincrbyfloat(key(), "usd", 1.25))).toBe(1.25);
    expect(await redis.hgetall(key())).toEqual({});
  });

  test("a key is gone when its time is up", async () => {
    const name = key();
    await redis.set(name, "1", "PX", 60);
    expect(await redis.pttl(name)).toBeGreaterThan(0);
    await expect.poll(() => redis.get(name), { interval: 10 }).toBeNull();
    await redis.set(name, "2");
    expect(await redis.ttl(name)).toBe(-1);
    expect(await redis.expire(name, 100)).toBe(1);
    expect(await redis.ttl(name)).toBe(100);
  });

  test("a sorted set is read by rank and by score and pruned by score", async () => {
    const name = key();
    await redis.zadd(name, 3, "c", 1, "a", 2, "b");
    expect(await redis.zadd(name, "NX", 9, "a")).toBe(0);
    expect(await redis.zrange(name, 0, -1)).toEqual(["a", "b", "c"]);
    expect(await redis.zrangebyscore(name, "(1", "+inf", "WITHSCORES")).toEqual(["b", "2", "c", "3"]);
    expect(await redis.zrangebyscore(name, "-inf", 3, "LIMIT", 1, 1)).toEqual(["b"]);
    expect(await redis.zcount(name, 2, "+inf")).toBe(2);
    expect(await redis.zremrangebyscore(name, "-inf", 2)).toBe(2);
    expect(await redis.zcard(name)).toBe(1);
    expect(await redis.zscore(name, "c")).toBe("3");
    expect(await redis.zscore(name, "a")).toBeNull();
  });

  test("a pipeline answers in order", async () => {
    const name = key();
    const answers = await redis.multi().set(name, "1").incr(name).get(name).exec();
    expect(answers).toEqual([
      [null, "OK"],
      [null, 2],
      [null, "2"],
    ]);
  });

  test("a command on the wrong kind of value fails", async () => {
    const name = key();
    await redis.set(name, "text");
    await expect(redis.zrange(name, 0, -1)).rejects.toThrow(/WRONGTYPE/);
  });

  test.each([
    { what: "whole numbers", lua: "return 3", answer: 3 },
    { what: "fractions without their fraction", lua: "return 3.7", answer: 3 },
    { what: "truth as 1", lua: "return true", answer: 1 },
    { what: "false as null", lua: "return false", answer: null },
    { what: "nothing as null", lua: "local x = 1", answer: null },
    { what: "texts", lua: "return ARGV[1] .. '✓'", args: ["ü"], answer: "ü✓" },
    { what: "lists up to the first hole", lua: "return {1, {'a', false}, nil, 4}", answer: [1, ["a", null]] },
    { what: "empty lists", lua: "return {}", answer: [] },
    { what: "statuses", lua: "return redis.status_reply('FINE')", answer: "FINE" },
    { what: "missing keys as false", lua: "return redis.call('GET', 'test:none') == false", answer: 1 },
    { what: "missing keys in lists as false", lua: "return redis.call('MGET', 'test:none')[1] == false", answer: 1 },
    { what: "missing members as false", lua: "return redis.call('ZSCORE', 'test:none', 'x') == false", answer: 1 },
    { what: "hashes as flat lists", lua: "return redis.call('HGETALL', 'test:none')", answer: [] },
    {
      what: "milliseconds beyond 32 bits",
      lua: "return tonumber(ARGV[1]) * 1000",
      args: [1795558413],
      answer: 1795558413000,
    },
    { what: "whole numbers as text", lua: "return tostring(tonumber(ARGV[1]) / 2)", args: [8], answer: "4" },
    { what: "hashes of texts", lua: "return redis.sha1hex('')", answer: "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { what: "caught errors", lua: "return redis.pcall('INCR')['err'] ~= nil", answer: 1 },
  ])("scripts pass $what", async ({ lua, args = [], answer }) => {
    expect(await evaluate(lua, ...args)).toEqual(answer);
  });

  test.each([
    { what: "does not compile", lua: "return return" },
    { what: "raises an error", lua: "error('no')" },
    { what: "returns an error", lua: "return redis.error_reply('no')" },
    { what: "calls a command that does not exist", lua: "return redis.call('NOSUCH')" },
    { what: "passes a table to a command", lua: "return redis.call('GET', {})" },
  ])("a script that $what fails, and the next one works", async ({ lua }) => {
    await expect((async () => evaluate(lua))()).rejects.toThrow();
    expect(await evaluate("return 7")).toBe(7);
  });

  test("commands of a script see and change the store", async () => {
    const name = key();
    await redis.hset(name, { a: "1", b: "2" });
    expect(await evaluate(`return redis.call("HGETALL", ARGV[1])`, name)).toEqual(["a", "1", "b", "2"]);
    expect(await evaluate(`return redis.call("HINCRBY", ARGV[1], "a", 5) + 0.5`, name)).toBe(6);
    expect(await evaluate(`redis.call("HSET", ARGV[1], "c", 1.5) return redis.call("HGET", ARGV[1], "c")`, name)).toBe(
      "1.5",
    );
    expect(await other.hgetall(name)).toEqual({ a: "6", b: "2", c: "1.5" });
  });

  test("of many concurrent takers one gets the value, and the index forgets it", async () => {
    const [value, index] = [key(), key()];
    await redis.set(value, "100");
    await redis.zadd(index, 1, "chute", 2, "other");
    const takers = [takeIfPresent(redis), takeIfPresent(other)];
    const what = { key: value, index, member: "chute" };
    const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => takers[i % 2]?.(what)));
    expect(taken.filter((text) => text !== undefined)).toEqual(["100"]);
    expect(await redis.zrange(index, 0, -1)).toEqual(["other"]);
  });

  test("taking an expired value drops its entry in the index", async () => {
    const index = key();
    await redis.zadd(index, 1, "chute");
    expect(await takeIfPresent(redis)({ key: key(), index, member: "chute" })).toBeUndefined();
    expect(await redis.zcard(index)).toBe(0);
  });

  test("a window lets its limit through, then says when to come back", async () => {
    const limit = slidingWindow(redis);
    const window = { key: key(), limit: 2, windowMs: 60_000 };
    const at = (second: number) => ({
      ...window,
      now: new Date(1_795_558_413_000 + second * 1000),
      id: String(second),
    });
    expect(await limit(at(0))).toEqual({ allowed: true, remaining: 1, retryAfterMs: 0 });
    expect(await limit(at(10))).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(await limit(at(59))).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1000 });
    expect(await limit(at(60))).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(await limit(at(61))).toEqual({ allowed: false, remaining: 0, retryAfterMs: 9000 });
    expect(await redis.pttl(window.key)).toBeGreaterThan(50_000);
  });

  test("concurrent requests never pass a window's limit", async () => {
    const limits = [slidingWindow(redis), slidingWindow(other)];
    const request = { key: key(), limit: 5, windowMs: 1000, now: new Date() };
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => limits[i % 2]?.({ ...request, id: String(i) })),
    );
    expect(verdicts.filter((verdict) => verdict?.allowed)).toHaveLength(5);
  });

  test("a message reaches every subscriber of its channel and no other", async () => {
    const channel = key();
    const { signal } = new AbortController();
    const [first, second, elsewhere]: unknown[][] = [[], [], []];
    const running = await Promise.all([
      subscribe({ redis, log, signal }, channel, (payload) => first?.push(payload)),
      subscribe({ redis: other, log, signal }, channel, (payload) => second?.push(payload)),
      subscribe({ redis, log, signal }, key(), (payload) => elsewhere?.push(payload)),
    ]);
    onTestFinished(async () => {
      for (const each of running) await each.close();
    });
    const payload = { reason: "chute_created", data: { version: "ü✓", n: 1.5, none: null } };
    expect(await publish(redis, channel, payload)).toBe(2);
    await expect.poll(() => [first, second]).toEqual([[payload], [payload]]);
    expect(elsewhere).toEqual([]);
  });

  test("what is not JSON, or makes the listener throw, is dropped and the next message arrives", async () => {
    const channel = key();
    const seen: unknown[] = [];
    const running = await subscribe({ redis, log, signal: new AbortController().signal }, channel, (payload) => {
      if (payload === "boom") throw new Error("listener bug");
      seen.push(payload);
    });
    onTestFinished(() => running.close());
    await redis.publish(channel, "{not json");
    await publish(redis, channel, "boom");
    await publish(redis, channel, 1);
    await expect.poll(() => seen).toEqual([1]);
  });

  test("nothing is delivered after close or abort", async () => {
    const channel = key();
    const abort = new AbortController();
    const seen: unknown[] = [];
    const deps = { redis, log, signal: abort.signal };
    const closed = await subscribe(deps, channel, (payload) => seen.push(payload));
    await subscribe(deps, channel, (payload) => seen.push(payload));
    await closed.close();
    await closed.close();
    abort.abort();
    await expect.poll(() => publish(redis, channel, 1)).toBe(0);
    expect(seen).toEqual([]);
    await expect(subscribe(deps, channel, () => undefined)).rejects.toMatchObject({ kind: "aborted" });
  });
});

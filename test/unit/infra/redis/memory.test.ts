import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { openRedis, type Redis } from "../../../../src/infra/redis/client.js";
import { defineScript } from "../../../../src/infra/redis/script.js";
import { createLogger } from "../../../../src/kernel/logger.js";

const silent = createLogger({ level: "silent", secrets: [] });

function open(name: string, log = silent): Redis {
  const redis = openRedis(`memory:${name}`, log);
  onTestFinished(() => redis.disconnect());
  return redis;
}

test("stores of different names do not see each other, connections of one name do", async () => {
  const [one, two] = [randomUUID(), randomUUID()];
  await open(one).set("key", "1");
  expect(await open(one).get("key")).toBe("1");
  expect(await open(two).get("key")).toBeNull();
});

test("a store says once that it lives in this process", () => {
  const lines: string[] = [];
  const log = createLogger({ level: "info", secrets: [], stream: { write: (line) => lines.push(line) } });
  const name = randomUUID();
  open(name, log);
  open(name, log);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("in-process");
});

test("expired keys nobody reads again are forgotten", async () => {
  const redis = open(randomUUID());
  const inside = redis as unknown as { context: { expires: { has(key: string): boolean } } };
  await Promise.all(Array.from({ length: 100 }, (_, index) => redis.set(`short:${index}`, "x", "PX", 1)));
  await redis.set("kept", "x", "EX", 100);
  await expect.poll(() => redis.dbsize()).toBe(1);
  for (let writes = 0; writes < 200; writes += 1) await redis.incr("other");
  const remembered = Array.from({ length: 100 }, (_, index) => inside.context.expires.has(`short:${index}`));
  expect(remembered.filter(Boolean)).toEqual([]);
  expect(await redis.get("kept")).toBe("x");
});

test("twenty connections and their subscriptions raise no leak warning", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  onTestFinished(() => {
    process.off("warning", note);
  });
  const name = randomUUID();
  const connections = Array.from({ length: 20 }, () => open(name));
  await Promise.all(connections.map((redis) => redis.subscribe("events")));
  await new Promise(setImmediate);
  expect(warnings).toEqual([]);
});

test("a script is loaded once for a connection, however often it is asked for", async () => {
  const redis = open(randomUUID());
  defineScript(redis, "take-if-present", 2);
  const first = Reflect.get(redis, "script:take-if-present");
  defineScript(redis, "take-if-present", 2);
  expect(first).toBeTypeOf("function");
  expect(Reflect.get(redis, "script:take-if-present")).toBe(first);
});

test("a script refuses a wrong number of keys", async () => {
  const script = defineScript(open(randomUUID()), "take-if-present", 2);
  await expect(script(["only one"], ["member"])).rejects.toThrow("takes 2 keys, got 1");
});

test("a script that does not exist is named when it is defined", () => {
  expect(() => defineScript(open(randomUUID()), "no-such-script", 1)).toThrow(/no-such-script\.lua/);
});

test.each(["", "localhost:6379", "http://localhost", "redis://", "memory"])(
  "the URL %j is refused and not repeated",
  (url) => {
    expect(() => openRedis(url, silent)).toThrow(
      expect.objectContaining({
        kind: "config",
        code: "CFG001",
        message: expect.stringMatching(/^redis\.url must begin with/),
      }),
    );
  },
);

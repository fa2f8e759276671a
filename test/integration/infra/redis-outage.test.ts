import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openRedis } from "../../../src/infra/redis/client.js";
import { publish, subscribe } from "../../../src/infra/redis/pubsub.js";
import { slidingWindow } from "../../../src/infra/redis/sliding-window.js";
import { createLogger, type Logger } from "../../../src/kernel/logger.js";
import { type RedisServer, startRedisServer } from "../../support/redis-server.js";

const silent = createLogger({ level: "silent", secrets: [] });
const { signal } = new AbortController();

/** A log whose lines can be counted. */
function recordingLog(): { log: Logger; messages: () => string[] } {
  const lines: { msg: string }[] = [];
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
  return { log: createLogger({ level: "info", secrets: [], stream }), messages: () => lines.map(({ msg }) => msg) };
}

/** A relay to the server that can fall silent: bytes vanish, but nobody hangs up. */
async function startRelay(port: number) {
  const sockets = new Set<Socket>();
  let silentNow = false;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => silentNow || to.write(bytes));
      from.on("error", () => undefined);
      from.on("close", () => to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `redis://127.0.0.1:${typeof address === "object" ? address?.port : ""}/0`,
    silence: (value: boolean) => {
      silentNow = value;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const own = await startRedisServer({ own: true });
afterAll(() => own?.close());

describe.skipIf(own === undefined)("with a server that comes and goes", () => {
  let server: RedisServer;
  beforeAll(() => {
    if (own !== undefined) server = own;
  });

  test("a subscription returns by itself after the server was killed and restarted, twice", async () => {
    const redis = openRedis(server.url, silent);
    const seen: unknown[] = [];
    const running = await subscribe({ redis, log: silent, signal }, "events", (payload) => seen.push(payload));
    onTestFinished(async () => {
      await running.close();
      redis.disconnect();
    });
    for (const round of [1, 2]) {
      await server.restart();
      const received = async () => {
        await publish(redis, "events", round).catch(() => 0);
        return seen.includes(round);
      };
      await expect.poll(received, { timeout: 8000, interval: 50 }).toBe(true);
    }
  });

  test("commands fail soon while the server is away and work when it is back; the log has one line for each", async () => {
    const { log, messages } = recordingLog();
    const redis = openRedis(server.url, log);
    onTestFinished(() => redis.disconnect());
    await redis.ping();
    await server.kill();
    const started = performance.now();
    await expect(redis.get("x")).rejects.toThrow();
    expect(performance.now() - started).toBeLessThan(3000);
    await server.restart();
    await expect.poll(() => redis.ping().catch(() => ""), { timeout: 8000 }).toBe("PONG");
    expect(messages()).toEqual(["redis is unreachable", "redis is reachable again"]);
  });

  test("a script works on a restarted server that does not know it any more", async () => {
    const redis = openRedis(server.url, silent);
    onTestFinished(() => redis.disconnect());
    const limit = slidingWindow(redis);
    const request = { key: "window", limit: 1, windowMs: 1000, now: new Date(), id: "a" };
    expect(await limit(request)).toMatchObject({ allowed: true });
    await server.restart();
    await expect.poll(() => limit(request).catch(() => undefined), { timeout: 8000 }).toMatchObject({ allowed: true });
  });

  test("quit returns at once while the server is away", async () => {
    const redis = openRedis(server.url, silent);
    await redis.ping();
    await server.kill();
    onTestFinished(() => server.restart());
    await new Promise((resolve) => redis.once("reconnecting", resolve));
    const started = performance.now();
    expect(String(await redis.quit())).toBe("OK");
    expect(performance.now() - started).toBeLessThan(500);
  });

  test("a subscriber notices a peer that went silent and finds it again", async () => {
    const relay = await startRelay(Number(new URL(server.url).port));
    const direct = openRedis(server.url, silent);
    const relayed = openRedis(relay.url, silent);
    const seen: unknown[] = [];
    relayed.options.commandTimeout = 200;
    const deps = { redis: relayed, log: silent, signal, pingIntervalMs: 50 };
    const running = await subscribe(deps, "events", (payload) => seen.push(payload));
    onTestFinished(async () => {
      await running.close();
      for (const redis of [direct, relayed]) redis.disconnect();
      relay.close();
    });
    relay.silence(true);
    await publish(direct, "events", "lost");
    const subscribers = async () => (await direct.pubsub("NUMSUB", "events"))[1];
    await expect.poll(subscribers, { timeout: 8000 }).toBe(0);
    relay.silence(false);
    const received = async () => {
      await publish(direct, "events", "found");
      return seen;
    };
    await expect.poll(received, { timeout: 10_000, interval: 50 }).toContain("found");
    expect(seen).not.toContain("lost");
  });
});

test("a subscription to a server that is not there can be given up", async () => {
  const redis = openRedis("redis://127.0.0.1:1/0", silent);
  onTestFinished(() => redis.disconnect());
  const abort = new AbortController();
  const waiting = subscribe({ redis, log: silent, signal: abort.signal }, "events", () => undefined);
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ kind: "aborted" });
});

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { newestTaoPrice, saveTaoPrice } from "../../../../src/domain/billing/tao-price-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { openRedis } from "../../../../src/infra/redis/client.js";
import { redisKeys } from "../../../../src/infra/redis/keys.js";
import { loadConfig } from "../../../../src/kernel/config/load.js";
import type { Logger } from "../../../../src/kernel/logger.js";
import { openTaoPrice } from "../../../../src/services/api/tao-price.js";
import { test } from "../../../support/fixtures.js";

const NOW = new Date("2026-01-08T12:00:00Z");

async function source(answer: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ticker` };
}

function open({ db, log }: { db: Db; log: Logger }, pricing: object) {
  const redis = openRedis(`memory:${crypto.randomUUID()}`, log);
  const clock = { now: NOW };
  const config = loadConfig({ env: {}, overrides: { environment: "dev", pricing } });
  const price = openTaoPrice({ config, db, redis, log, now: () => clock.now });
  onTestFinished(async () => {
    await price.close();
    redis.disconnect();
  });
  return { price, redis, clock };
}

const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000);

test("a fixed price needs nobody", async ({ db, log }) => {
  expect(await open({ db, log }, { taoUsd: 300 }).price.usd()).toBe(300);
});

test("shared memory comes first, then a stored price of the last hour; the source is left alone", async ({
  db,
  log,
}) => {
  const { asked, url } = await source((_, response) => response.end('{"price":1}'));
  const { price, redis, clock } = open({ db, log }, { taoPriceUrl: url });
  await redis.set(redisKeys.taoPrice, "222.5");
  await saveTaoPrice(db, { usd: 250, observedAt: minutes(-30) }, "test");
  expect(await price.usd()).toBe(222.5);
  await redis.del(redisKeys.taoPrice);
  clock.now = minutes(1);
  expect(await price.usd()).toBe(250);
  expect(await redis.ttl(redisKeys.taoPrice)).toBeLessThanOrEqual(60);
  expect(asked).toEqual([]);
});

test("the source is asked when stored prices are old; what it says is stored and shared", async ({ db, log }) => {
  const body = '{"data":[{"last":"401.25"}]}';
  const { asked, url } = await source((_, response) => response.end(body));
  const { price, redis } = open({ db, log }, { taoPriceUrl: url, taoPricePath: "data.0.last" });
  await saveTaoPrice(db, { usd: 250, observedAt: minutes(-61) }, "test");
  expect(await Promise.all([price.usd(), price.usd()])).toEqual([401.25, 401.25]);
  expect(asked).toEqual(["/ticker"]);
  expect(await redis.get(redisKeys.taoPrice)).toBe("401.25");
  expect(await redis.ttl(redisKeys.taoPrice)).toBeGreaterThan(3500);
  expect(await newestTaoPrice(db)).toEqual({ usd: 401.25, observedAt: NOW });
});

const BAD_ANSWERS: [string, RequestListener][] = [
  ["an error", (_, response) => response.writeHead(500).end('{"price":1}')],
  ["no JSON", (_, response) => response.end("<html>")],
  ["another shape", (_, response) => response.end('{"cost":1}')],
  ["a negative price", (_, response) => response.end('{"price":-1}')],
  ["a price beyond belief", (_, response) => response.end('{"price":1e300}')],
  ["far too much", (_, response) => response.end(`{"x":"${"x".repeat(100_000)}","price":1}`)],
];

test.for(BAD_ANSWERS)("a source that answers %s leaves the old price", async ([, listener], { db, log }) => {
  const { url } = await source(listener);
  const { price, clock } = open({ db, log }, { taoPriceUrl: url });
  expect(await price.usd()).toBeUndefined();
  await saveTaoPrice(db, { usd: 250, observedAt: minutes(-6000) }, "test");
  clock.now = minutes(1);
  expect(await price.usd()).toBe(250);
});

test("a source that says nothing is given up on", async ({ db, log }) => {
  const { url } = await source(() => undefined);
  const { price } = open({ db, log }, { taoPriceUrl: url });
  const beganAt = Date.now();
  expect(await price.usd()).toBeUndefined();
  expect(Date.now() - beganAt).toBeLessThan(6000);
});

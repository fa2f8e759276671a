import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { openRedis } from "../../../../src/infra/redis/client.js";
import { publish } from "../../../../src/infra/redis/pubsub.js";
import { start } from "../../../../src/services/events/index.js";
import { CHANNEL } from "../../../../src/wire/events.js";
import { serviceContext, until } from "../../../support/miner-services.js";
import { test } from "../../../support/miner-test.js";
import { SocketClient } from "../../../support/socket-client.js";

test("everybody gets every public event, also browsers that poll, and comes back after a restart", async ({
  databaseUrl,
  log,
  stack,
}) => {
  const redisUrl = `memory:${randomUUID()}`;
  const first = await start(serviceContext({ databaseUrl, redisUrl, log }));
  const redis = openRedis(redisUrl, log);
  stack.add(() => redis.disconnect());
  const client = new SocketClient(`http://127.0.0.1:${first.port}`);
  stack.add(() => client.close());
  await until(() => expect(client.connects).toBe(1));
  const event = { reason: "bounty_change", message: "m", data: { chute_id: "c", bounty: 100 } };
  await publish(redis, CHANNEL.events, event);
  await until(() => expect(client.named("events")).toEqual([event]));

  const polling = await fetch(`http://127.0.0.1:${first.port}/socket.io/?EIO=4&transport=polling`, {
    headers: { origin: "https://dashboard.example.com" },
  });
  expect([polling.status, polling.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  const handshake = JSON.parse((await polling.text()).slice(1)) as Record<string, number>;
  expect(handshake).toMatchObject({ pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 });
  const health = await fetch(`http://127.0.0.1:${first.port}/health`);
  expect(await health.json()).toEqual({ status: "ok", clients: 2 });

  const { port } = first;
  await first.close();
  stack.use(await start(serviceContext({ databaseUrl, redisUrl, log, port })));
  await until(() => expect(client.connects).toBe(2));
});

test("a port in use is named with the setting to change", async ({ databaseUrl, log, stack }) => {
  const redisUrl = `memory:${randomUUID()}`;
  const { port } = stack.use(await start(serviceContext({ databaseUrl, redisUrl, log })));
  await expect(start(serviceContext({ databaseUrl, redisUrl, log, port }))).rejects.toMatchObject({
    code: "NET001",
    fix: expect.stringContaining("EVENTS_PORT"),
  });
});

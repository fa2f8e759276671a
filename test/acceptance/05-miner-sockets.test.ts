import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { expect } from "vitest";
import { openRedis, type Redis } from "../../src/infra/redis/client.js";
import { publish } from "../../src/infra/redis/pubsub.js";
import { startOutboxRelay } from "../../src/jobs/outbox-relay.js";
import type { CloseStack } from "../../src/kernel/lifecycle.js";
import type { Logger } from "../../src/kernel/logger.js";
import { start as startEvents } from "../../src/services/events/index.js";
import type { RunningService } from "../../src/services/running-service.js";
import { start as startSocket } from "../../src/services/socket/index.js";
import { CHANNEL } from "../../src/wire/events.js";
import type { Keypair } from "../../src/wire/keypair.js";
import { CHUTE, launched } from "../support/launches.js";
import { serviceContext, until } from "../support/miner-services.js";
import { test } from "../support/miner-test.js";
import { SocketClient } from "../support/socket-client.js";

interface Channel {
  readonly service: RunningService;
  readonly redisUrl: string;
  readonly redis: Redis;
  connect(signer?: Keypair): SocketClient;
}

async function openChannel(on: { databaseUrl: string; log: Logger; stack: CloseStack }): Promise<Channel> {
  const redisUrl = `memory:${randomUUID()}`;
  const service = on.stack.use(await startSocket(serviceContext({ ...on, redisUrl })));
  const redis = openRedis(redisUrl, on.log);
  on.stack.add(() => redis.disconnect());
  const connect = (signer?: Keypair) => {
    const client = new SocketClient(`http://127.0.0.1:${service.port}`, signer);
    on.stack.add(() => client.close());
    return client;
  };
  return { service, redisUrl, redis, connect };
}

const broadcast = (reason: string, recipients?: readonly string[]) => ({
  reason,
  data: { chute_id: "c" },
  ...(recipients && { filter_recipients: recipients }),
});
const isIn = (client: SocketClient, times = 1) =>
  until(() => expect(client.named("auth_success")).toEqual(Array(times).fill({ message: "Authenticated" })));

/** Cuts every connection as the end of the process would, without any farewell. */
function trackConnections(server: Server): () => void {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  return () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
}

test("05 §18.14: a miner authenticates, hears broadcasts, and comes back after a crash and after a restart", async ({
  databaseUrl,
  log,
  stack,
  miner,
}) => {
  const { service, redisUrl, redis, connect } = await openChannel({ databaseUrl, log, stack });
  const cutAll = trackConnections(service.server);
  const client = connect(miner);
  await isIn(client);
  await publish(redis, CHANNEL.minerBroadcast, broadcast("one"));
  await until(() => expect(client.reasons("miner_broadcast")).toEqual(["one"]));

  cutAll();
  await isIn(client, 2);

  await service.close();
  const { port } = service;
  const next = stack.use(await startSocket(serviceContext({ databaseUrl, redisUrl, log, port })));
  expect(next.port).toBe(port);
  await isIn(client, 3);
  await publish(redis, CHANNEL.minerBroadcast, broadcast("two"));
  await until(() => expect(client.reasons("miner_broadcast")).toEqual(["one", "two"]));
});

test("05 §18.15: when one of two sessions closes, the other still gets filtered events", async ({
  databaseUrl,
  log,
  stack,
  miner,
}) => {
  const { service, redis, connect } = await openChannel({ databaseUrl, log, stack });
  const [first, second] = [connect(miner), connect(miner)];
  await Promise.all([isIn(first), isIn(second)]);
  first.close();
  await until(async () => {
    const health = await fetch(`http://127.0.0.1:${service.port}/health`);
    expect(await health.json()).toEqual({ status: "ok", sessions: 1 });
  });
  await publish(redis, CHANNEL.minerBroadcast, broadcast("for-me", [miner.address]));
  await until(() => expect(second.named("miner_broadcast")).toEqual([broadcast("for-me", [miner.address])]));
});

test("05 §18.16: an event for an offline miner reaches nobody, and unauthenticated sockets get nothing", async ({
  databaseUrl,
  log,
  stack,
  miner,
  rival,
}) => {
  const { redis, connect } = await openChannel({ databaseUrl, log, stack });
  const known = connect(miner);
  const silent = connect();
  await isIn(known);
  await until(() => expect(silent.connects).toBe(1));

  await publish(redis, CHANNEL.minerBroadcast, broadcast("for-the-offline", [rival.address]));
  await publish(redis, CHANNEL.minerBroadcast, broadcast("for-nobody", []));
  await publish(redis, CHANNEL.minerBroadcast, broadcast("for-all"));
  await until(() => expect(known.reasons("miner_broadcast")).toEqual(["for-all"]));
  expect(silent.seen).toEqual([]);
});

test("05 §18.24: miner and public see a whole life in order", async ({
  db,
  databaseUrl,
  log,
  stack,
  api,
  miner,
  rival,
}) => {
  const { redisUrl, redis, connect } = await openChannel({ databaseUrl, log, stack });
  const events = stack.use(await startEvents(serviceContext({ databaseUrl, redisUrl, log })));
  const { signal } = new AbortController();
  stack.use(startOutboxRelay({ db, databaseUrl, redis, log, signal, leaseSeconds: 30, intervalMs: 50 }, "test"));
  const [mine, foreign] = [connect(miner), connect(rival)];
  const everybody = new SocketClient(`http://127.0.0.1:${events.port}`);
  stack.add(() => everybody.close());
  await Promise.all([isIn(mine), isIn(foreign)]);
  await until(() => expect(everybody.connects).toBe(1));

  const container = await launched({ api, db, miner });
  await container.nonce();
  const steps = [await container.claim(), await container.verify(), await container.activate()];
  expect(steps.map(({ status }) => status)).toEqual([200, 200, 200]);
  const instanceId = String(steps[1]?.json["instance_id"]);
  await api.call("DELETE", `/instances/${CHUTE}/${instanceId}`, { signer: miner, purpose: "instances" });

  const life = ["instance_created", "instance_verified", "instance_activated", "instance_deleted"];
  await until(() => expect(mine.reasons("miner_broadcast")).toEqual(life));
  const shown = ["launch_token_created", "instance_created", "instance_hot", "instance_activated", "instance_deleted"];
  await until(() => expect(everybody.reasons("events")).toEqual(shown));
  expect(foreign.named("miner_broadcast")).toEqual([]);

  const publicForm = {
    chute_id: CHUTE,
    gpu_count: 1,
    gpu_model_name: "h100_sxm",
    miner_hotkey: miner.address,
    instance_id: instanceId,
  };
  const dataOf = (client: SocketClient, name: string) => client.named(name).map(({ data }) => data);
  const withConfig = { ...publicForm, config_id: container.configId };
  expect(dataOf(everybody, "events").slice(1)).toEqual([publicForm, publicForm, withConfig, withConfig]);
  expect(dataOf(mine, "miner_broadcast")).toMatchObject([
    withConfig,
    { miner_hotkey: miner.address, instance_id: instanceId },
    withConfig,
    withConfig,
  ]);
});

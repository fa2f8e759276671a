import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { deleteInstance, targetsOf } from "../../../../src/domain/instances/instance-repository.js";
import { openRedis } from "../../../../src/infra/redis/client.js";
import { startOutboxRelay } from "../../../../src/jobs/outbox-relay.js";
import { freePort } from "../../../../src/local/embedded-postgres.js";
import { startMiner } from "../../../../src/miner/agent.js";
import { createEchoEngine } from "../../../../src/miner/engines/echo.js";
import { simulatedGpus } from "../../../../src/miner/gpus.js";
import { start as startSocket } from "../../../../src/services/socket/index.js";
import { TEMPLATE_CORDS } from "../../../../src/wire/cords.js";
import { keypairFromSeed } from "../../../../src/wire/keypair.js";
import { CHUTE } from "../../../support/launches.js";
import { startMinerApi } from "../../../support/miner-api.js";
import { givenChute } from "../../../support/miner-builders.js";
import { serviceContext, until } from "../../../support/miner-services.js";
import { test } from "../../../support/miner-test.js";

test("the open miner brings a chute up, and takes it down when it is told to", async ({
  db,
  databaseUrl,
  log,
  stack,
  miner,
}) => {
  const redisUrl = `memory:${randomUUID()}`;
  const socket = stack.use(await startSocket(serviceContext({ databaseUrl, redisUrl, log })));
  const redis = openRedis(redisUrl, log);
  stack.add(() => redis.disconnect());
  const { signal } = new AbortController();
  stack.use(startOutboxRelay({ db, databaseUrl, redis, log, signal, leaseSeconds: 30, intervalMs: 50 }, "test"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  stack.use(await startMinerApi({ db, log, port, start: new Date(), settings: { publicUrl: url } }));
  await givenChute(db, { chuteId: CHUTE, nodeSelector: { include: ["4090"] }, cords: TEMPLATE_CORDS.vllm });

  const running = await startMiner({
    api: url,
    socket: `ws://127.0.0.1:${socket.port}`,
    validatorHotkey: keypairFromSeed("02".repeat(32)).address,
    keypair: miner,
    gpus: simulatedGpus({ owner: miner.address, model: "4090", count: 1 }),
    host: "127.0.0.1",
    engineFor: ({ name }) => createEchoEngine({ model: name, now: () => new Date() }),
    reconcileMs: 60_000,
    firstWaitMs: 50,
    drainMs: 100,
    log,
    now: () => new Date(),
    signal,
  });
  stack.use(running);

  const serving = () => targetsOf(db, CHUTE);
  await until(async () => expect(await serving()).toHaveLength(1));
  const [target] = await serving();
  expect(target).toMatchObject({
    host: "127.0.0.1",
    minerHotkey: miner.address,
    transport: {
      sessionKeyHex: expect.stringMatching(/^[0-9a-f]{64}$/),
      tls: { commonName: `${target?.configId}.int.chutes.dev`, clientKeyPem: expect.stringContaining("PRIVATE KEY") },
    },
  });

  const { instanceId = "", port: instancePort = 0 } = target ?? {};
  expect(await isListening(instancePort)).toBe(true);
  await deleteInstance(db, { instanceId, reason: "test", now: new Date() });
  await until(async () => expect(await isListening(instancePort)).toBe(false));
});

async function isListening(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    (error: Error) => (error.cause as NodeJS.ErrnoException | undefined)?.code !== "ECONNREFUSED",
  );
}

import { expect } from "vitest";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { keypairFromSeed } from "../../../../src/wire/keypair.js";
import { type ApiService, startApiService } from "../../../support/api-service.js";
import { test as base } from "../../../support/fixtures.js";
import { type RedisServer, startRedisServer } from "../../../support/redis-server.js";

const SEED = "33".repeat(32);

/** Two api services of one platform. The worker, which relays the outbox, is down all the time. */
interface Platform {
  readonly redis: RedisServer;
  readonly one: ApiService;
  readonly two: ApiService;
}

const test = base.extend<{ platform: Platform | undefined }>({
  platform: async ({ databaseUrl, log }, use) => {
    const redis = await startRedisServer({ own: true });
    if (redis === undefined) return use(undefined);
    const options = { databaseUrl, redisUrl: redis.url, log };
    const [one, two] = await Promise.all([startApiService(options), startApiService(options)]);
    await use({ redis, one, two });
    await Promise.all([one.close(), two.close()]);
    await redis.close();
  },
});

const post = (service: ApiService, path: string, value: unknown) => {
  const body = JSON.stringify(value);
  const headers = signedHeaders(keypairFromSeed(SEED), { body }, new Date());
  return fetch(service.url + path, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
};

const register = (service: ApiService) =>
  post(service, "/users/register", { username: "alice", coldkey: keypairFromSeed(SEED).address });

async function newKey(service: ApiService, name: string): Promise<{ api_key_id: string; secret_key: string }> {
  const answer = await post(service, "/api_keys/", { name, admin: true });
  return (await answer.json()) as { api_key_id: string; secret_key: string };
}

const me = async (service: ApiService, authorization: string) =>
  (await fetch(`${service.url}/users/me`, { headers: { authorization } })).status;

const remove = (service: ApiService, apiKeyId: string, authorization: string) =>
  fetch(`${service.url}/api_keys/${apiKeyId}`, { method: "DELETE", headers: { authorization } });

test("01 §23.9: a key deleted in one process is refused in another within a second, without the worker", async ({
  platform,
  skip,
}) => {
  if (platform === undefined) return skip();
  const { one, two } = platform;
  await register(one);
  const key = await newKey(one, "k1");
  for (const service of [one, two]) expect(await me(service, key.secret_key)).toBe(200);
  expect((await remove(one, key.api_key_id, key.secret_key)).status).toBe(200);
  expect(await me(one, key.secret_key)).toBe(401);
  await expect.poll(() => me(two, key.secret_key), { timeout: 1000, interval: 20 }).toBe(401);
});

test("01 §4.2: while Redis is away a deleted key is refused everywhere within 30 s", async ({ platform, skip }) => {
  if (platform === undefined) return skip();
  const { one, two, redis } = platform;
  await register(one);
  const [used, other] = [await newKey(one, "k1"), await newKey(one, "k2")];
  for (const service of [one, two]) expect(await me(service, used.secret_key)).toBe(200);
  await redis.kill();
  expect((await remove(one, used.api_key_id, used.secret_key)).status).toBe(200);
  expect(await me(one, used.secret_key)).toBe(401);
  await expect.poll(() => me(two, used.secret_key), { timeout: 30_000, interval: 100 }).toBe(401);
  // What needs no shared memory goes on.
  expect(await me(two, other.secret_key)).toBe(200);
  await redis.restart();
  await expect.poll(async () => (await register(two)).status, { timeout: 10_000, interval: 200 }).toBe(409);
  expect((await remove(two, other.api_key_id, other.secret_key)).status).toBe(200);
  await expect.poll(() => me(one, other.secret_key), { timeout: 5000, interval: 50 }).toBe(401);
}, 60_000);

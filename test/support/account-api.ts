import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, LightMyRequestResponse, RouteOptions } from "fastify";
import { registerBuiltImage } from "../../src/domain/images/image-repository.js";
import type { ChainClient } from "../../src/infra/chain/client.js";
import { createHttpServer, type HttpServer } from "../../src/infra/http-server/server.js";
import { openFileStore } from "../../src/infra/object-store/files.js";
import type { ObjectStore } from "../../src/infra/object-store/store.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { openRedis, type Redis } from "../../src/infra/redis/client.js";
import { publish } from "../../src/infra/redis/pubsub.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Config } from "../../src/kernel/config/schema.js";
import type { Logger } from "../../src/kernel/logger.js";
import { authHook } from "../../src/services/api/auth-hook.js";
import { type Directory, openDirectory } from "../../src/services/api/directory/directory.js";
import { accountRoutes } from "../../src/services/api/routes/account-routes.js";
import { adminUserRoutes } from "../../src/services/api/routes/admin-user-routes.js";
import { apiKeyRoutes } from "../../src/services/api/routes/api-key-routes.js";
import { balanceRoutes } from "../../src/services/api/routes/balance-routes.js";
import { bountyRoutes } from "../../src/services/api/routes/bounty-routes.js";
import { chuteChangeRoutes } from "../../src/services/api/routes/chute-change-routes.js";
import { chuteDeployRoutes } from "../../src/services/api/routes/chute-deploy-routes.js";
import { chuteRoutes } from "../../src/services/api/routes/chute-routes.js";
import { chuteShareRoutes } from "../../src/services/api/routes/chute-share-routes.js";
import { depositRoutes } from "../../src/services/api/routes/deposit-routes.js";
import { easyDeployRoutes } from "../../src/services/api/routes/easy-deploy-routes.js";
import { imageRoutes } from "../../src/services/api/routes/image-routes.js";
import { logoRoutes } from "../../src/services/api/routes/logo-routes.js";
import { minerListRoutes } from "../../src/services/api/routes/miner-list-routes.js";
import { priceRoutes } from "../../src/services/api/routes/price-routes.js";
import { priceTermRoutes } from "../../src/services/api/routes/price-term-routes.js";
import { quotaRoutes } from "../../src/services/api/routes/quota-routes.js";
import { secretRoutes } from "../../src/services/api/routes/secret-routes.js";
import { warmupRoutes } from "../../src/services/api/routes/warmup-routes.js";
import { openTaoPrice } from "../../src/services/api/tao-price.js";
import { DEFAULT_GPU_TABLE } from "../../src/wire/gpu-table.js";
import { type Signed, signedHeaders } from "../../src/wire/headers.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../src/wire/keypair.js";

/** The public development keys of the protocol's vectors. @see protocol 01 §22 */
export const SEED_A = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
export const SEED_B = "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
export const ADDRESS_B = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/** The fixed nonce of the protocol's vectors, as a time. */
export const NOW = new Date(1_760_000_000_000);

/** One api replica with the routes of accounts, images, chutes and bounties, on in-process Redis. */
export interface AccountApi {
  readonly app: HttpServer;
  readonly db: Db;
  readonly redis: Redis;
  /** Files in a folder that goes away with the replica. */
  readonly store: ObjectStore;
  readonly directory: Directory;
  readonly config: Config;
  /** The replica's clock; move it with `setUTCSeconds` and the like. */
  readonly clock: { now: Date };
  close(): Promise<void>;
}

export interface AccountApiOptions {
  readonly db: Db;
  readonly log: Logger;
  /** Replicas of one name share Redis. */
  readonly redisName?: string;
  /** Settings of the accounts section. */
  readonly accounts?: Partial<Config["accounts"]>;
  /** Settings of other sections. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly maxBodyBytes?: number;
  /** Asked for the balances of coldkeys; only registration with a minimum does. */
  readonly chain?: ChainClient;
  /** A further route of the test's own. */
  readonly route?: RouteOptions;
}

export async function startAccountApi(options: AccountApiOptions): Promise<AccountApi> {
  const { db, log } = options;
  await initCrypto();
  const accounts = { ...ACCOUNT_SETTINGS, ...options.accounts };
  const overrides = { environment: "dev", baseDomain: "example.org", accounts, ...options.settings };
  const config = loadConfig({ env: {}, overrides });
  const redis = openRedis(`memory:${options.redisName ?? randomBytes(6).toString("hex")}`, log);
  const clock = { now: new Date(NOW) };
  const now = () => new Date(clock.now);
  const folder = mkdtempSync(join(tmpdir(), "chutes-objects-"));
  const store = await openFileStore(folder);
  const stop = new AbortController();
  const directory = await openDirectory({ db, redis, log, signal: stop.signal, now, netuid: config.netuid });
  const app = createHttpServer({ log, maxBodyBytes: options.maxBodyBytes ?? 1_000_000, trustedProxies: "127.0.0.1" });
  const chain = options.chain ?? ({} as ChainClient);
  const deps = {
    config,
    db,
    redis,
    store,
    chain,
    now,
    log,
    signal: stop.signal,
    directory,
    gpuTable: DEFAULT_GPU_TABLE,
    taoPrice: openTaoPrice({ config, db, redis, log, now }),
  };
  await app.register(authHook, deps);
  await app.register(accountRoutes, deps);
  await app.register(apiKeyRoutes, deps);
  await app.register(balanceRoutes, deps);
  await app.register(adminUserRoutes, deps);
  await app.register(quotaRoutes, deps);
  await app.register(priceTermRoutes, deps);
  await app.register(depositRoutes, deps);
  await app.register(priceRoutes, deps);
  await app.register(imageRoutes, deps);
  await app.register(secretRoutes, deps);
  await app.register(logoRoutes, deps);
  await app.register(warmupRoutes, deps);
  await app.register(chuteRoutes, deps);
  await app.register(chuteDeployRoutes, deps);
  await app.register(chuteChangeRoutes, deps);
  await app.register(chuteShareRoutes, deps);
  await app.register(easyDeployRoutes, deps);
  await app.register(bountyRoutes, deps);
  await app.register(minerListRoutes, deps);
  if (options.route !== undefined) (app as FastifyInstance).route(options.route);
  await app.ready();
  return {
    app,
    db,
    redis,
    store,
    directory,
    config,
    clock,
    async close() {
      stop.abort();
      await app.close();
      await directory.close();
      redis.disconnect();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const ACCOUNT_SETTINGS = {
  walletKey: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  pgEncryptionKey: "secret",
  registrationPerIpDay: 0,
};

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  /** Sent as compact JSON unless it is text or bytes already. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Signs with this key: over `purpose` if given, else over the body. */
  readonly signer?: Keypair;
  readonly purpose?: string;
  readonly apiKey?: string;
}

/** Sends one request as the SDK would. */
export async function call(api: AccountApi, what: Call): Promise<LightMyRequestResponse> {
  const payload = payloadOf(what.body);
  const signed: Signed = what.purpose === undefined ? { body: payload ?? "" } : { purpose: what.purpose };
  const headers = {
    ...(payload !== undefined && { "content-type": "application/json" }),
    ...(what.signer !== undefined && signedHeaders(what.signer, signed, api.clock.now)),
    ...(what.apiKey !== undefined && { authorization: `Bearer ${what.apiKey}` }),
    ...what.headers,
  };
  return api.app.inject({
    method: what.method ?? (payload === undefined ? "GET" : "POST"),
    url: what.url,
    headers,
    ...(payload !== undefined && { payload }),
  });
}

function payloadOf(body: unknown): string | Buffer | undefined {
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) return body;
  return JSON.stringify(body);
}

/** A fresh key pair. */
export function newSigner(): Keypair {
  return keypairFromSeed(randomBytes(32).toString("hex"));
}

export interface Developer {
  readonly signer: Keypair;
  readonly userId: string;
  readonly username: string;
}

/** Registers an account over the API, then gives it what the test needs. */
export async function givenDeveloper(
  api: AccountApi,
  given: { username: string; signer?: Keypair; permissions?: number; balanceUsd?: number },
): Promise<Developer> {
  const signer = given.signer ?? newSigner();
  const body = { username: given.username, coldkey: ADDRESS_B };
  const response = await call(api, { url: "/users/register?token=replaceme", body, signer });
  if (response.statusCode !== 200) throw new Error(`registering ${given.username}: ${response.body}`);
  const { user_id: userId } = response.json<{ user_id: string }>();
  await api.db
    .updateTable("users")
    .set({
      permissions_bitmask: given.permissions ?? 0,
      balance_micro_usd: BigInt(Math.round((given.balanceUsd ?? 0) * 1e6)),
    })
    .where("user_id", "=", userId)
    .execute();
  api.directory.drop({ kind: "account", id: userId });
  return { signer, userId, username: given.username };
}

/** A built image of that developer, by default `my-image:1.0`. */
export function givenImage(
  api: AccountApi,
  owner: Developer,
  image: { name?: string; tag?: string; public?: boolean; chutesVersion?: string } = {},
): Promise<string> {
  const { name = "my-image", tag = "1.0", public: isPublic = false, chutesVersion = "0.6.10" } = image;
  return registerBuiltImage(api.db, { owner, name, tag, public: isPublic, chutesVersion, now: api.clock.now });
}

/** The body that the SDK posts for a minimal app. @see protocol 03 §5.1 */
export function deployBody(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: "my-chute",
    tagline: "",
    readme: "",
    logo_id: null,
    image: "my-image:1.0",
    public: false,
    standard_template: null,
    node_selector: {
      gpu_count: 1,
      min_vram_gb_per_gpu: 16,
      max_hourly_price_per_gpu: null,
      include: null,
      exclude: null,
    },
    filename: "my_app.py",
    ref_str: "my_app:chute",
    code: 'print("hi")\n',
    concurrency: 1,
    max_instances: 1,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 300,
    allow_external_egress: false,
    encrypted_fs: false,
    tee: false,
    lock_modules: null,
    revision: null,
    cords: [HELLO_CORD],
    jobs: [],
    ...changes,
  };
}

const HELLO_CORD = {
  method: "POST",
  path: "/hello",
  public_api_path: "/hello",
  public_api_method: "POST",
  stream: false,
  function: "hello",
  input_schema: {},
  output_schema: null,
  output_content_type: null,
  minimal_input_schema: null,
  passthrough: false,
};

/** Deploys as the SDK does with `--accept-fee`. */
export function deploy(
  api: AccountApi,
  owner: Developer,
  changes: Readonly<Record<string, unknown>> = {},
): ReturnType<typeof call> {
  return call(api, { url: "/chutes/?accept_fee=true", body: deployBody(changes), signer: owner.signer });
}

/** An instance of a chute as the launch path leaves it, with one GPU. */
export async function givenInstance(
  api: AccountApi,
  chuteId: string,
  instance: { instanceId: string; active: boolean },
): Promise<void> {
  const at = api.clock.now;
  const { version } = await api.db
    .selectFrom("chutes")
    .select("version")
    .where("chute_id", "=", chuteId)
    .executeTakeFirstOrThrow();
  await api.db
    .insertInto("instances")
    .values({
      instance_id: instance.instanceId,
      chute_id: chuteId,
      version,
      miner_uid: 7,
      miner_hotkey: ADDRESS_B,
      miner_coldkey: ADDRESS_B,
      host: instance.instanceId,
      port: 8000,
      active: instance.active,
      verified: instance.active,
      created_at: at,
      updated_at: at,
      activated_at: instance.active ? at : null,
    })
    .execute();
}

/** Publishes what the outbox holds, as the worker's relay does. @returns the payloads by channel */
export async function relayOutbox(api: AccountApi): Promise<{ channel: string; payload: unknown }[]> {
  const rows = await api.db.deleteFrom("outbox").returning(["event_id", "channel", "payload"]).execute();
  const ordered = rows.sort((a, b) => Number(a.event_id - b.event_id));
  for (const { channel, payload } of ordered) await publish(api.redis, channel, payload);
  return ordered.map(({ channel, payload }) => ({ channel, payload }));
}

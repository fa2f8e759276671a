import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpServer } from "../../src/infra/http-server/server.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { openRedis, type Redis } from "../../src/infra/redis/client.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Config } from "../../src/kernel/config/schema.js";
import { CloseStack, type Running } from "../../src/kernel/lifecycle.js";
import type { Logger } from "../../src/kernel/logger.js";
import { createMetrics, type Metrics } from "../../src/kernel/metrics.js";
import { authHook } from "../../src/services/api/auth-hook.js";
import { type Directory, openDirectory } from "../../src/services/api/directory/directory.js";
import { type Invocation, registerInvocation } from "../../src/services/api/invocation/register-invocation.js";
import { invocationRoutes } from "../../src/services/api/routes/invocation-routes.js";
import { apiKeyHash, newApiKey } from "../../src/wire/api-key.js";
import { type Cord, TEMPLATE_CORDS } from "../../src/wire/cords.js";
import { DEFAULT_GPU_TABLE } from "../../src/wire/gpu-table.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../src/wire/keypair.js";
import { type FakeInstance, type FakeInstanceOptions, startFakeInstance } from "../fakes/instance.js";

/** Seeds and addresses of the protocol's vectors. @see protocol 01 §22 */
const VALIDATOR_SEED = "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
export const MINER_HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const MADE_AT = new Date("2026-01-07T10:00:00Z");

/** The gateway on a port of its own, as the api service runs it. */
export interface GatewayApi extends Running {
  readonly port: number;
  readonly db: Db;
  readonly redis: Redis;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly directory: Directory;
  readonly invocation: Invocation;
  readonly validator: Keypair;
}

export interface GatewayOptions {
  readonly db: Db;
  readonly log: Logger;
  /** Default: an in-process store. */
  readonly redisUrl?: string;
  readonly gateway?: Partial<Config["gateway"]>;
  readonly bounties?: Partial<Config["bounties"]>;
  readonly spoolDir?: string;
  readonly deletionDelayMs?: number;
}

export async function startGateway(options: GatewayOptions): Promise<GatewayApi> {
  const { db, log } = options;
  await initCrypto();
  const stack = new CloseStack();
  const gateway = { rateLimitCount: 0, writeBatchMs: 10, ...options.gateway };
  const overrides = { environment: "dev", baseDomain: "x.test", gateway, bounties: { ...options.bounties } };
  const config = loadConfig({ env: {}, overrides });
  const redis = openRedis(options.redisUrl ?? `memory:${randomUUID()}`, log);
  stack.add(() => redis.disconnect());
  const stop = new AbortController();
  const { signal } = stop;
  const now = () => new Date();
  const metrics = createMetrics();
  const validator = keypairFromSeed(VALIDATOR_SEED);
  const directory = stack.use(await openDirectory({ db, redis, log, signal, now, netuid: config.netuid }));
  const app = createHttpServer({ log, maxBodyBytes: config.gateway.maxBodyBytes, trustedProxies: "" });
  stack.add(() => app.close());
  const deps = {
    config,
    db,
    redis,
    log,
    now,
    signal,
    metrics,
    directory,
    signer: validator,
    gpuTable: DEFAULT_GPU_TABLE,
  };
  await app.register(authHook, deps);
  const invocation = stack.use(await registerInvocation(app, { ...deps, ...optional(options) }));
  await app.register(invocationRoutes, deps);
  app.get("/users/me", async () => ({ from: "api" }));
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const close = async () => {
    await stack.close();
    stop.abort();
  };
  return { port, db, redis, config, metrics, directory, invocation, validator, close };
}

function optional({ spoolDir, deletionDelayMs }: GatewayOptions) {
  return { ...(spoolDir !== undefined && { spoolDir }), ...(deletionDelayMs !== undefined && { deletionDelayMs }) };
}

export interface GivenCaller {
  readonly userId: string;
  readonly username: string;
  readonly apiKey: string;
}

/** An account with an admin API key. */
export async function givenCaller(
  db: Db,
  given: { username?: string; balanceUsd?: number; permissions?: number; quota?: number } = {},
): Promise<GivenCaller> {
  const userId = randomUUID();
  const username = given.username ?? `user-${randomBytes(4).toString("hex")}`;
  await db
    .insertInto("users")
    .values({
      user_id: userId,
      username,
      coldkey: "cold",
      payment_address: "5PaymentAddress",
      wallet_secret: "sealed",
      fingerprint_hash: randomUUID(),
      balance_micro_usd: BigInt(Math.round((given.balanceUsd ?? 0) * 1e6)),
      permissions_bitmask: given.permissions ?? 0,
      created_at: MADE_AT,
      updated_at: MADE_AT,
    })
    .execute();
  if (given.quota !== undefined) {
    const row = { user_id: userId, chute_id: "*", is_default: true, quota: given.quota, updated_at: MADE_AT };
    await db.insertInto("invocation_quotas").values(row).execute();
  }
  const apiKey = await givenApiKey(db, userId);
  return { userId, username, apiKey };
}

/** A key of an account; without scopes it is an admin key. */
export async function givenApiKey(db: Db, userId: string, chuteIds?: readonly string[]): Promise<string> {
  const apiKeyId = randomUUID();
  const apiKey = newApiKey({ apiKeyId, userId });
  await db
    .insertInto("api_keys")
    .values({
      api_key_id: apiKeyId,
      user_id: userId,
      key_hash: apiKeyHash(apiKey),
      admin: chuteIds === undefined,
      name: apiKeyId,
      created_at: MADE_AT,
    })
    .execute();
  for (const chuteId of chuteIds ?? []) {
    const scope = { scope_id: randomUUID(), api_key_id: apiKeyId, object_type: "chutes", object_id: chuteId };
    await db
      .insertInto("api_key_scopes")
      .values({ ...scope, action: "invoke" })
      .execute();
  }
  return apiKey;
}

export interface GivenChute {
  readonly chuteId: string;
  readonly name: string;
  readonly slug: string;
}

export interface ChuteOptions {
  readonly owner: GivenCaller;
  readonly name?: string;
  readonly public?: boolean;
  readonly template?: "vllm" | "diffusion" | "embedding" | null;
  readonly cords?: readonly Cord[];
  readonly concurrency?: number;
  readonly discount?: number;
  readonly disabled?: boolean;
}

/** A deployed chute on one H100 (PCIe); by default a public language model. */
export async function givenChute(db: Db, given: ChuteOptions): Promise<GivenChute> {
  const chuteId = randomUUID();
  const imageId = randomUUID();
  const name = given.name ?? `org/model-${chuteId.slice(0, 8)}`;
  const slug = `s-${chuteId}`;
  const { owner, template = "vllm" } = given;
  const image = { image_id: imageId, user_id: owner.userId, name: imageId, tag: "1", status: "built and pushed" };
  await db
    .insertInto("images")
    .values({ ...image, created_at: MADE_AT })
    .execute();
  await db
    .insertInto("chutes")
    .values({
      chute_id: chuteId,
      user_id: owner.userId,
      name,
      image_id: imageId,
      public: given.public ?? true,
      standard_template: template,
      cords: JSON.stringify(given.cords ?? TEMPLATE_CORDS.vllm),
      node_selector: JSON.stringify({ gpu_count: 1, include: ["h100"] }),
      slug,
      code: "",
      filename: "app.py",
      ref_str: "app:chute",
      version: "v1",
      concurrency: given.concurrency ?? 16,
      chutes_version: "0.6.10",
      discount: given.discount ?? 0,
      disabled: given.disabled ?? false,
      created_at: MADE_AT,
      updated_at: MADE_AT,
    })
    .execute();
  return { chuteId, name, slug };
}

/** A function as the SDK would register it. */
export function cord(name: string, changes: Partial<Cord> = {}): Cord {
  return {
    method: "POST",
    path: `/${name}`,
    function: name,
    stream: false,
    passthrough: false,
    public_api_path: `/${name}`,
    public_api_method: "POST",
    input_schema: {},
    output_schema: {},
    output_content_type: "application/json",
    minimal_input_schema: {},
    ...changes,
  };
}

export interface GivenInstance extends FakeInstance {
  readonly instanceId: string;
}

/** An active instance of a chute: its row, and the server it points to. */
export async function givenInstance(
  api: GatewayApi,
  chute: GivenChute,
  options: Pick<FakeInstanceOptions, "behave" | "loadHeaders">,
): Promise<GivenInstance> {
  const server = await startFakeInstance({
    minerHotkey: MINER_HOTKEY,
    validatorHotkey: api.validator.address,
    ...options,
  });
  const instanceId = randomUUID();
  await api.db
    .insertInto("instances")
    .values({
      instance_id: instanceId,
      chute_id: chute.chuteId,
      config_id: server.configId,
      version: "v1",
      chutes_version: "0.6.10",
      miner_uid: 7,
      miner_hotkey: MINER_HOTKEY,
      miner_coldkey: "5Coldkey",
      host: "127.0.0.1",
      port: server.port,
      active: true,
      verified: true,
      transport: JSON.stringify(server.transport),
      compute_multiplier: 0.397777,
      created_at: MADE_AT,
      updated_at: MADE_AT,
      activated_at: MADE_AT,
    })
    .execute();
  return Object.assign(server, { instanceId });
}

export interface Sent {
  readonly method?: string;
  readonly host: string;
  readonly path: string;
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is text already. */
  readonly body?: unknown;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** Sends a request and reads its answer whole. */
export async function send(api: Pick<GatewayApi, "port">, what: Sent): Promise<Received> {
  const response = await open(api, what);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const isJson = response.headers["content-type"]?.includes("json") === true;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** Sends a request; the answer's body is left to the caller. */
export async function open(api: Pick<GatewayApi, "port">, what: Sent): Promise<IncomingMessage> {
  const body = typeof what.body === "string" || what.body === undefined ? what.body : JSON.stringify(what.body);
  const request = httpRequest({
    host: "127.0.0.1",
    port: api.port,
    method: what.method ?? (body === undefined ? "GET" : "POST"),
    path: what.path,
    agent: false,
    headers: {
      host: what.host,
      ...(what.apiKey !== undefined && { authorization: `Bearer ${what.apiKey}` }),
      ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      ...what.headers,
    },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  // A test that leaves early must not fail on its own reset.
  response.on("error", () => undefined);
  return response;
}

/** Rows of a chute, oldest first, once all calls that ended are stored. */
export async function rowsOf(api: GatewayApi, chuteId: string) {
  await api.invocation.flush();
  return api.db
    .selectFrom("partitioned_invocations")
    .selectAll()
    .where("chute_id", "=", chuteId)
    .orderBy("completed_at")
    .execute();
}

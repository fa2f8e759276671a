import fastifySwagger from "@fastify/swagger";
import { checkGpuVerification } from "../../domain/nodes/gpu-verification.js";
import { openChain } from "../../infra/chain/open.js";
import { loadGpuTable } from "../../infra/gpu-table-file.js";
import { createHttpServer, type HttpServer } from "../../infra/http-server/server.js";
import { openObjectStore } from "../../infra/object-store/open.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { openRedis } from "../../infra/redis/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { createMetrics } from "../../kernel/metrics.js";
import { listenOn, type RunningService, type ServiceOptions } from "../running-service.js";
import { validatorSigner } from "../validator-signer.js";
import { authHook } from "./auth-hook.js";
import type { ApiDeps } from "./deps.js";
import { type Directory, openDirectory } from "./directory/directory.js";
import { registerInvocation } from "./invocation/register-invocation.js";
import { accountRoutes } from "./routes/account-routes.js";
import { apiKeyRoutes } from "./routes/api-key-routes.js";
import { auditRoutes } from "./routes/audit-routes.js";
import { bountyRoutes } from "./routes/bounty-routes.js";
import { chuteRoutes } from "./routes/chute-routes.js";
import { exportRoutes } from "./routes/export-routes.js";
import { imageRoutes } from "./routes/image-routes.js";
import { instanceRoutes } from "./routes/instance-routes.js";
import { invocationRoutes } from "./routes/invocation-routes.js";
import { launchRoutes } from "./routes/launch-routes.js";
import { minerListRoutes } from "./routes/miner-list-routes.js";
import { minerRoutes } from "./routes/miner-routes.js";
import { nodeRoutes } from "./routes/node-routes.js";
import { statusRoutes } from "./routes/status-routes.js";
import { warmupRoutes } from "./routes/warmup-routes.js";

const NEEDS = [
  "postgres.url",
  "redis.url",
  "objectStore.url",
  "chain.url",
  "validator.seed",
  "validator.ss58",
  "accounts.walletKey",
  "accounts.pgEncryptionKey",
  "accounts.launchConfigKey",
  "accounts.ipCheckSalt",
];

/** The API and the gateway. @see protocol 04 §1 */
export async function start(ctx: Context, options: ServiceOptions = {}): Promise<RunningService> {
  const { config } = ctx;
  requireSettings(config, NEEDS);
  checkGpuVerification(config);
  const stack = new CloseStack();
  try {
    const deps = await openDeps(ctx, stack);
    const { db, redis, log, signal, now } = deps;
    const directory = stack.use(await openDirectory({ db, redis, log, signal, now, netuid: config.netuid }));
    const app = createHttpServer({
      log,
      maxBodyBytes: config.gateway.maxBodyBytes,
      trustedProxies: config.listen.trustedProxies,
    });
    stack.add(() => app.close());
    await register(app, { ...deps, directory }, stack);
    await app.ready();
    if (options.listen === false) return { server: app.server, close: () => stack.close() };
    const port = await listenOn(app.server, {
      host: config.listen.host,
      port: config.listen.apiPort,
      setting: "API_PORT",
    });
    return { server: app.server, port, close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

async function openDeps(ctx: Context, stack: CloseStack): Promise<ApiDeps> {
  const { config, log, now, signal } = ctx;
  const signer = await validatorSigner(config);
  const gpuTable = await loadGpuTable(config.instances.gpuTableFile);
  const db = openPostgres(config.postgres);
  stack.add(() => db.destroy());
  const redis = openRedis(config.redis.url, log);
  stack.add(() => redis.disconnect());
  const chain = stack.use(await openChain(config.chain, log));
  const store = await openObjectStore(config.objectStore);
  return { config, log, now, signal, db, redis, store, chain, metrics: createMetrics(), signer, gpuTable };
}

async function register(app: HttpServer, deps: ApiDeps & { directory: Directory }, stack: CloseStack): Promise<void> {
  await app.register(fastifySwagger, { openapi: { info: { title: "Chutes validator API", version: "1" } } });
  await app.register(authHook, deps);
  const { spoolDir } = deps.config.gateway;
  stack.use(await registerInvocation(app, { ...deps, ...(spoolDir !== "" && { spoolDir }) }));
  await app.register(statusRoutes, deps);
  await app.register(accountRoutes, deps);
  await app.register(apiKeyRoutes, deps);
  await app.register(imageRoutes, deps);
  await app.register(chuteRoutes, deps);
  await app.register(warmupRoutes, deps);
  await app.register(bountyRoutes, deps);
  await app.register(nodeRoutes, deps);
  await app.register(launchRoutes, deps);
  await app.register(instanceRoutes, deps);
  await app.register(minerListRoutes, deps);
  await app.register(minerRoutes, deps);
  await app.register(invocationRoutes, deps);
  await app.register(exportRoutes, deps);
  await app.register(auditRoutes, deps);
}

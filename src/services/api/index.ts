import { checkWalletKey } from "../../domain/accounts/wallet-key.js";
import { checkGpuVerification } from "../../domain/nodes/gpu-verification.js";
import { openChain } from "../../infra/chain/open.js";
import { loadGpuTable } from "../../infra/gpu-table-file.js";
import { createHttpServer } from "../../infra/http-server/server.js";
import { openObjectStore } from "../../infra/object-store/open.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { openRedis } from "../../infra/redis/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { createMetrics } from "../../kernel/metrics.js";
import { listenOn, type RunningService, type ServiceOptions } from "../running-service.js";
import { validatorSigner } from "../validator-signer.js";
import type { ApiDeps } from "./deps.js";
import { openDirectory } from "./directory/directory.js";
import { registerRoutes } from "./register-routes.js";
import { openTaoPrice } from "./tao-price.js";

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
  checkWalletKey(config);
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
    await registerRoutes(app, { ...deps, directory }, stack);
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
  const taoPrice = stack.use(openTaoPrice({ config, db, redis, log, now }));
  return { config, log, now, signal, db, redis, store, chain, metrics: createMetrics(), signer, gpuTable, taoPrice };
}

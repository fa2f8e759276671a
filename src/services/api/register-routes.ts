import fastifySwagger from "@fastify/swagger";
import type { HttpServer } from "../../infra/http-server/server.js";
import type { CloseStack } from "../../kernel/lifecycle.js";
import { authHook } from "./auth-hook.js";
import { consoleRoutes } from "./console/console-routes.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";
import { registerInvocation } from "./invocation/register-invocation.js";
import { accountRoutes } from "./routes/account-routes.js";
import { adminUserRoutes } from "./routes/admin-user-routes.js";
import { apiKeyRoutes } from "./routes/api-key-routes.js";
import { auditRoutes } from "./routes/audit-routes.js";
import { balanceRoutes } from "./routes/balance-routes.js";
import { bountyRoutes } from "./routes/bounty-routes.js";
import { chuteChangeRoutes } from "./routes/chute-change-routes.js";
import { chuteDeployRoutes } from "./routes/chute-deploy-routes.js";
import { chuteRoutes } from "./routes/chute-routes.js";
import { chuteShareRoutes } from "./routes/chute-share-routes.js";
import { depositRoutes } from "./routes/deposit-routes.js";
import { easyDeployRoutes } from "./routes/easy-deploy-routes.js";
import { exportRoutes } from "./routes/export-routes.js";
import { guessRoutes } from "./routes/guess-routes.js";
import { imageRoutes } from "./routes/image-routes.js";
import { instanceRoutes } from "./routes/instance-routes.js";
import { invocationRoutes } from "./routes/invocation-routes.js";
import { launchRoutes } from "./routes/launch-routes.js";
import { logoRoutes } from "./routes/logo-routes.js";
import { minerListRoutes } from "./routes/miner-list-routes.js";
import { minerMeansRoutes } from "./routes/miner-means-routes.js";
import { minerRoutes } from "./routes/miner-routes.js";
import { nodeRoutes } from "./routes/node-routes.js";
import { priceRoutes } from "./routes/price-routes.js";
import { priceTermRoutes } from "./routes/price-term-routes.js";
import { quotaRoutes } from "./routes/quota-routes.js";
import { secretRoutes } from "./routes/secret-routes.js";
import { statsRoutes } from "./routes/stats-routes.js";
import { statusRoutes } from "./routes/status-routes.js";
import { usageRoutes } from "./routes/usage-routes.js";
import { warmupRoutes } from "./routes/warmup-routes.js";

/** Every route of the API and the gateway; what they open goes on the stack. */
export async function registerRoutes(
  app: HttpServer,
  deps: ApiDeps & { readonly directory: Directory },
  stack: CloseStack,
): Promise<void> {
  await app.register(fastifySwagger, { openapi: { info: { title: "Chutes validator API", version: "1" } } });
  await app.register(authHook, deps);
  const { spoolDir } = deps.config.gateway;
  stack.use(await registerInvocation(app, { ...deps, ...(spoolDir !== "" && { spoolDir }) }));
  await app.register(statusRoutes, deps);
  await app.register(consoleRoutes, deps);
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
  await app.register(chuteRoutes, deps);
  await app.register(chuteDeployRoutes, deps);
  await app.register(chuteChangeRoutes, deps);
  await app.register(chuteShareRoutes, deps);
  await app.register(easyDeployRoutes, deps);
  await app.register(guessRoutes, deps);
  await app.register(warmupRoutes, deps);
  await app.register(bountyRoutes, deps);
  await app.register(nodeRoutes, deps);
  await app.register(launchRoutes, deps);
  await app.register(instanceRoutes, deps);
  await app.register(minerListRoutes, deps);
  await app.register(minerRoutes, deps);
  await app.register(invocationRoutes, deps);
  await app.register(statsRoutes, deps);
  await app.register(usageRoutes, deps);
  await app.register(minerMeansRoutes, deps);
  await app.register(exportRoutes, deps);
  await app.register(auditRoutes, deps);
}

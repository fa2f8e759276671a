import fastifySwagger from "@fastify/swagger";
import type { HttpServer } from "../../infra/http-server/server.js";
import type { CloseStack } from "../../kernel/lifecycle.js";
import { authHook } from "./auth-hook.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";
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

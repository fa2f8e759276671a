import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { pingPostgres } from "../../../infra/postgres/client.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { docsPage } from "../docs-page.js";

/** Health, metrics and the API's own description. @see protocol 01 §6.3, 04 §15 */
export const statusRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "metrics">> = async (
  app,
  { db, metrics },
) => {
  app.get("/ping", { schema: { response: { 200: Type.Object({ message: Type.String() }) } } }, async () => {
    await pingPostgres(db).catch((cause: unknown) => {
      throw new AppError("unavailable", "The database does not answer.", { code: "DB002", cause });
    });
    return { message: "pong" };
  });

  // Metrics are for the cluster's own scraper; whoever comes through a proxy comes from outside.
  app.get("/_metrics", { schema: { hide: true } }, async (request, reply) => {
    if (request.headers["x-forwarded-for"] !== undefined) throw new AppError("forbidden", "Metrics are not public.");
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());

  app.get("/docs", { schema: { hide: true } }, async (_request, reply) => {
    reply.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    return reply.type("text/html; charset=utf-8").send(docsPage(app.swagger() as Parameters<typeof docsPage>[0]));
  });
};

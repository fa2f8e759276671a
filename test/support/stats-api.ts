import { randomUUID } from "node:crypto";
import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from "kysely";
import { createHttpServer, type HttpServer } from "../../src/infra/http-server/server.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { openRedis } from "../../src/infra/redis/client.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import { CloseStack, type Running } from "../../src/kernel/lifecycle.js";
import type { Logger } from "../../src/kernel/logger.js";
import { authHook } from "../../src/services/api/auth-hook.js";
import { openDirectory } from "../../src/services/api/directory/directory.js";
import { invocationRoutes } from "../../src/services/api/routes/invocation-routes.js";
import { minerMeansRoutes } from "../../src/services/api/routes/miner-means-routes.js";
import { statsRoutes } from "../../src/services/api/routes/stats-routes.js";
import { usageRoutes } from "../../src/services/api/routes/usage-routes.js";
import { test as base } from "./fixtures.js";

/** Where the clock stands at first. */
export const NOW = new Date("2026-01-07T12:30:00Z");

/** The routes of usage and statistics, with a clock that tests move. */
export interface StatsApi extends Running {
  readonly app: HttpServer;
  readonly clock: { now: Date };
  /** Statements that were sent, as trees in JSON: they hold every name and fragment. */
  readonly statements: string[];
}

/** `test` with the routes, closed before the test's database goes. */
export const test = base.extend<{ api: StatsApi }>({
  api: async ({ db, log }, use) => {
    const api = await startStatsApi({ db, log, now: NOW });
    await use(api);
    await api.close();
  },
});

async function startStatsApi({ db, log, now }: { db: Db; log: Logger; now: Date }): Promise<StatsApi> {
  const stack = new CloseStack();
  const stop = new AbortController();
  stack.add(() => stop.abort());
  const config = loadConfig({ env: {}, overrides: { environment: "dev", baseDomain: "x.test" } });
  const redis = openRedis(`memory:${randomUUID()}`, log);
  stack.add(() => redis.disconnect());
  const clock = { now };
  const watch = new StatementWatch();
  const watched = db.withPlugin(watch);
  const { signal } = stop;
  const deps = { config, db: watched, redis, log, signal, now: () => clock.now };
  const directory = stack.use(await openDirectory({ ...deps, netuid: config.netuid }));
  const app = createHttpServer({ log, maxBodyBytes: 1_000_000, trustedProxies: "" });
  stack.add(() => app.close());
  await app.register(authHook, { ...deps, directory });
  for (const routes of [invocationRoutes, statsRoutes, usageRoutes, minerMeansRoutes]) await app.register(routes, deps);
  await app.ready();
  return { app, clock, statements: watch.statements, close: () => stack.close() };
}

class StatementWatch implements KyselyPlugin {
  readonly statements: string[] = [];

  transformQuery({ node }: PluginTransformQueryArgs) {
    this.statements.push(
      JSON.stringify(node, (_name, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
    );
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    return result;
  }
}

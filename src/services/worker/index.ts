import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import { openChain } from "../../infra/chain/open.js";
import { probeListener } from "../../infra/http-server/probe-listener.js";
import { openObjectStore } from "../../infra/object-store/open.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { openRedis } from "../../infra/redis/client.js";
import { allJobs } from "../../jobs/all-jobs.js";
import { type JobRunner, startJobRunner } from "../../jobs/job-runner.js";
import { startOutboxRelay } from "../../jobs/outbox-relay.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { createMetrics, type Metrics } from "../../kernel/metrics.js";
import { closeServer, listenOn, type RunningService, type ServiceOptions } from "../running-service.js";
import { validatorSigner } from "../validator-signer.js";

const NEEDS = [
  "postgres.url",
  "redis.url",
  "objectStore.url",
  "chain.url",
  "validator.seed",
  "validator.ss58",
  "audit.exportKey",
];

/** Runs the scheduled jobs and the outbox relay; serves /health and /_metrics. @see protocol 10 §14 */
export async function start(ctx: Context, options: ServiceOptions = {}): Promise<RunningService> {
  const { config, log, now, signal } = ctx;
  requireSettings(config, NEEDS);
  const stack = new CloseStack();
  try {
    const signer = await validatorSigner(config);
    const db = openPostgres(config.postgres);
    stack.add(() => db.destroy());
    const redis = openRedis(config.redis.url, log);
    stack.add(() => redis.disconnect());
    const chain = await openChain(config.chain, log);
    stack.use(chain);
    const store = await openObjectStore(config.objectStore);
    const metrics = createMetrics();
    const sources = { config, db, store, chain, signer, pseudonymKey: config.audit.exportKey };
    const { leaseSeconds } = config.jobs;
    stack.use(
      startOutboxRelay(
        { db, databaseUrl: config.postgres.url, redis, log, signal, leaseSeconds, intervalMs: config.jobs.outboxMs },
        `worker-${randomUUID()}`,
      ),
    );
    const runner = stack.use(startJobRunner({ db, log, now, signal, metrics, leaseSeconds }, allJobs(sources)));
    const server = statusServer(runner, metrics);
    stack.add(() => closeServer(server));
    if (options.listen === false) return { server, close: () => stack.close() };
    const port = await listenOn(server, {
      host: config.listen.host,
      port: config.listen.workerPort,
      setting: "WORKER_PORT",
    });
    return { server, port, close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

function statusServer(runner: JobRunner, metrics: Metrics): Server {
  const health = async () => {
    const jobs = [...runner.health()].map(
      ([name, job]) => [name, { last_success: job.lastSuccess?.toISOString() ?? null, stalled: job.stalled }] as const,
    );
    return { ok: jobs.every(([, job]) => !job.stalled), details: { jobs: Object.fromEntries(jobs) } };
  };
  return createServer(probeListener({ metrics, health }));
}

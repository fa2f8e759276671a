import { createServer, type Server as HttpServer } from "node:http";
import { minerByHotkey } from "../../domain/metagraph/metagraph-repository.js";
import { type Health, probeListener } from "../../infra/http-server/probe-listener.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { answersPing } from "../../infra/redis/answers-ping.js";
import { openRedis } from "../../infra/redis/client.js";
import { subscribe } from "../../infra/redis/pubsub.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { createMetrics } from "../../kernel/metrics.js";
import { CHANNEL } from "../../wire/events.js";
import { initCrypto } from "../../wire/keypair.js";
import { listenOn, type RunningService, type ServiceOptions } from "../running-service.js";
import { type MinerChannel, openMinerChannel } from "./miner-channel.js";

const MAX_CONNECTIONS = 20_000;

/** The miners' private channel: forwards what is published on Redis to authenticated miners. @see protocol 05 §2 */
export async function start(ctx: Context, options: ServiceOptions = {}): Promise<RunningService> {
  const { config, log, now, signal } = ctx;
  requireSettings(config, ["postgres.url", "redis.url"]);
  const stack = new CloseStack();
  try {
    await initCrypto();
    const { netuid } = config;
    const db = openPostgres(config.postgres);
    stack.add(() => db.destroy());
    const redis = openRedis(config.redis.url, log);
    stack.add(() => redis.disconnect());
    const metrics = createMetrics();
    const sessions = metrics.gauge("miner_sessions", "authenticated miner sessions");
    const health = async (): Promise<Health> => ({
      ok: await answersPing(redis),
      details: { sessions: channel.sessions() },
    });
    const server: HttpServer = createServer(probeListener({ metrics, health }));
    server.maxConnections = MAX_CONNECTIONS;
    const directory = { minerByHotkey: (hotkey: string) => minerByHotkey(db, netuid, hotkey), netuid, now };
    const channel: MinerChannel = stack.use(
      openMinerChannel(server, { ...directory, log, onSessions: (count) => sessions.set(count) }),
    );
    // Miners that find no listener at their start never try again, so it comes before everything that may take a while.
    const port = options.listen === false ? undefined : await listenOn(server, listenAddress(config.listen));
    const forwarded = metrics.counter("miner_broadcasts_total", "messages forwarded to miners");
    const forward = (message: unknown) => {
      forwarded.inc();
      channel.broadcast(message);
    };
    stack.use(await subscribe({ redis, log, signal }, CHANNEL.minerBroadcast, forward));
    return { server, ...(port !== undefined && { port }), close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

function listenAddress(listen: Context["config"]["listen"]) {
  return { host: listen.host, port: listen.socketPort, setting: "SOCKET_PORT" };
}

import { createServer, type Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import { type Health, probeListener } from "../../infra/http-server/probe-listener.js";
import { answersPing } from "../../infra/redis/answers-ping.js";
import { openRedis } from "../../infra/redis/client.js";
import { subscribe } from "../../infra/redis/pubsub.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { createMetrics } from "../../kernel/metrics.js";
import { CHANNEL } from "../../wire/events.js";
import { listenOn, type RunningService, type ServiceOptions } from "../running-service.js";

const MAX_CONNECTIONS = 20_000;

/** The public event stream: everybody who connects gets every event. @see protocol 05 §2.5 */
export async function start(ctx: Context, options: ServiceOptions = {}): Promise<RunningService> {
  const { config, log, signal } = ctx;
  requireSettings(config, ["redis.url"]);
  const stack = new CloseStack();
  try {
    const redis = openRedis(config.redis.url, log);
    stack.add(() => redis.disconnect());
    const metrics = createMetrics();
    const health = async (): Promise<Health> => ({
      ok: await answersPing(redis),
      details: { clients: io.engine.clientsCount },
    });
    const server: HttpServer = createServer(probeListener({ metrics, health }));
    server.maxConnections = MAX_CONNECTIONS;
    const io: Server = new Server(server, {
      cors: { origin: "*" },
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxHttpBufferSize: 1_000_000,
      serveClient: false,
    });
    stack.add(() => io.close());
    const address = { host: config.listen.host, port: config.listen.eventsPort, setting: "EVENTS_PORT" };
    const port = options.listen === false ? undefined : await listenOn(server, address);
    const forwarded = metrics.counter("events_total", "events forwarded to the public");
    const forward = (message: unknown) => {
      forwarded.inc();
      io.emit("events", message);
    };
    stack.use(await subscribe({ redis, log, signal }, CHANNEL.events, forward));
    return { server, ...(port !== undefined && { port }), close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

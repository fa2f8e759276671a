import type { ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";
import { movingAverages } from "../../../domain/invocations/averages-store.js";
import { openFailureStore } from "../../../domain/invocations/failure-store.js";
import { openTargetStore } from "../../../domain/invocations/target-store.js";
import type { HttpServer } from "../../../infra/http-server/server.js";
import { openInstanceClient } from "../../../infra/instances/instance-client.js";
import { AppError } from "../../../kernel/errors.js";
import { CloseStack, type Running } from "../../../kernel/lifecycle.js";
import { openReplayGuard } from "../auth-replay.js";
import { defaultRules } from "../default-rules.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { type Destination, routeRequest } from "../host-routing.js";
import { AttemptWriter } from "./attempt-writer.js";
import { Background } from "./background.js";
import { type GatewayDeps, invoke } from "./gateway.js";
import { openGatewayMemory } from "./gateway-memory.js";
import { gatewayMetrics } from "./gateway-metrics.js";
import { sendBytes, sendError, sendPreflight } from "./http-answer.js";
import { LoadGauges } from "./load-gauges.js";
import { openModelList } from "./model-list.js";
import { openPenalties } from "./penalties.js";
import { openSettlement } from "./settle.js";
import { Slots } from "./slots.js";
import { Spending } from "./spending.js";
import { Spool } from "./spool.js";

export interface InvocationDeps
  extends Pick<ApiDeps, "config" | "db" | "redis" | "log" | "now" | "signal" | "metrics" | "signer" | "gpuTable"> {
  readonly directory: Directory;
  readonly taoPrice?: ApiDeps["taoPrice"];
  /** Folder of this process alone, for rows that wait for the database; without it they wait in memory. */
  readonly spoolDir?: string;
  /** How long the deletion of a failing instance waits, milliseconds. */
  readonly deletionDelayMs?: number;
}

/** The gateway of one process. Close it before the server: it refuses new calls and lets running ones end. */
export interface Invocation extends Running {
  /** Resolves when everything that follows the calls which have ended is done, except storing their rows. */
  settled(): Promise<void>;
  /** Stores those rows too. */
  flush(): Promise<void>;
}

const DRAIN_MS = 30_000;

/**
 * Answers every request to an invocation host, and to chutes' paths on the API's host, before the ordinary routes see it.
 * @see protocol 04
 */
export async function registerInvocation(app: HttpServer, deps: InvocationDeps): Promise<Invocation> {
  const stack = new CloseStack();
  const background = new Background(deps.log);
  try {
    const { gateway, writer } = await openGateway(deps, stack, background);
    const serve = openServe(deps, gateway);
    app.addHook("onRequest", async (request, reply) => {
      const destination = await destinationOf(deps.directory, request);
      if (destination.kind === "api") return;
      reply.hijack();
      background.serve(reply.raw, serve({ request, response: reply.raw, destination }));
    });
    return {
      settled: () => background.settled(),
      flush: async () => {
        await background.settled();
        await writer.flush();
      },
      close: async () => {
        serve.stop();
        await background.drain(DRAIN_MS);
        await stack.close();
      },
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

function destinationOf(directory: Directory, request: FastifyRequest): Promise<Destination> {
  const { host } = request.headers;
  const routed = { host, method: request.method, url: request.raw.url ?? "/", isRouted: !request.is404 };
  return routeRequest(routed, (slug) => directory.chuteBySlug(slug));
}

async function openGateway(deps: InvocationDeps, stack: CloseStack, background: Background) {
  const { config, redis, db, log, now } = deps;
  const { gateway: settings } = config;
  const memory = stack.use(await openGatewayMemory(deps));
  const instances = stack.use(openInstanceClient({ signer: deps.signer, connectTimeoutMs: settings.connectTimeoutMs }));
  const targets = openTargetStore(redis);
  const slots = stack.use(new Slots(targets, deps));
  const spending = new Spending();
  const metrics = gatewayMetrics(deps.metrics);
  const spool = deps.spoolDir === undefined ? undefined : new Spool(deps.spoolDir);
  const batch = { batchLines: settings.writeBatchRows, batchMs: settings.writeBatchMs };
  const writer = stack.use(new AttemptWriter({ db, log, now, spool, ...batch }));
  const stop = new AbortController();
  stack.add(() => stop.abort());
  const penalise = openPenalties({
    ...deps,
    signal: AbortSignal.any([deps.signal, stop.signal]),
    memory,
    instances,
    failures: openFailureStore(redis),
    failureLimit: settings.consecutiveFailureLimit,
  });
  const settle = openSettlement({ ...deps, targets, averages: movingAverages(redis), writer, spending, metrics });
  const inBackground = (work: Promise<void>) => background.run(work);
  const gateway: GatewayDeps = {
    ...deps,
    memory,
    instances,
    targets,
    slots,
    spending,
    defaultRules: defaultRules(config),
    metrics,
    penalise,
    settle,
    inBackground,
    gauges: stack.use(new LoadGauges({ ...deps, memory, metrics })),
  };
  return { gateway, writer };
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly response: ServerResponse;
  readonly destination: Destination;
}

/** Answers one request that is not for the ordinary routes. */
function openServe(deps: InvocationDeps, gateway: GatewayDeps) {
  const listModels = openModelList(deps);
  const replay = openReplayGuard(gateway.redis);
  let isStopped = false;
  const serve = async ({ request, response, destination }: Exchange): Promise<void> => {
    try {
      if (isStopped)
        throw new AppError("unavailable", "The service is stopping.", { headers: { connection: "close" } });
      switch (destination.kind) {
        case "api":
          return;
        case "preflight": {
          const requested = request.headers["access-control-request-headers"];
          return sendPreflight(response, requested);
        }
        case "models":
          return sendBytes(response, 200, {
            body: await listModels(),
            headers: { "content-type": "application/json" },
          });
        case "aggregate":
        case "chute":
        case "chute-path":
          await invoke(gateway, { request, response, destination });
      }
      if (response.statusCode >= 400) await replay.release(request);
    } catch (error) {
      await replay.release(request).catch(() => undefined);
      sendError(response, error, deps.log);
    }
  };
  const stop = () => {
    isStopped = true;
  };
  return Object.assign(serve, { stop });
}

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Running } from "../kernel/lifecycle.js";
import { closeServer, listenOn } from "../services/running-service.js";

/** Servers by the first label of the Host header. They need not listen: the front hands them its connections. */
export interface FrontRoutes {
  readonly byLabel: ReadonlyMap<string, Server>;
  /** Everything else: api., llm., chute slugs, bare localhost. */
  readonly fallback: Server;
}

/**
 * One port for every public host, so that a stock client needs one address. Requests are re-emitted on the service's own server
 * object: no second connection, no copy.
 * @throws AppError `config` NET001 when the port is taken
 */
export async function startFront(
  routes: FrontRoutes,
  listen: { host: string; port: number },
): Promise<Running & { readonly port: number }> {
  const target = (request: IncomingMessage) => routes.byLabel.get(firstLabel(request.headers.host)) ?? routes.fallback;
  const front = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 });
  front.on("request", (request, response) => void target(request).emit("request", request, response));
  front.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const server = target(request);
    if (server.listenerCount("upgrade") === 0) socket.destroy();
    else server.emit("upgrade", request, socket, head);
  });
  const port = await listenOn(front, { ...listen, setting: "--port" });
  return {
    port,
    close: () => closeServer(front),
  };
}

function firstLabel(host: string | undefined): string {
  return /^([a-z0-9-]+)\./.exec((host ?? "").toLowerCase())?.[1] ?? "";
}

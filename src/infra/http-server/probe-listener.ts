import type { RequestListener, ServerResponse } from "node:http";
import type { Metrics } from "../../kernel/metrics.js";

export interface Health {
  /** Decides between 200 and 503. */
  readonly ok: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Probe {
  readonly metrics: Metrics;
  readonly health: () => Promise<Health>;
}

/** Serves /health and /_metrics of a process that has no other HTTP of its own. @see protocol 10 §14 */
export function probeListener({ metrics, health }: Probe): RequestListener {
  return (request, response) => {
    const path = request.url?.split("?")[0];
    const answered = path === "/health" ? sendHealth(response, health) : sendMetrics(response, path, metrics);
    answered.catch(() => send(response, 500, { detail: "Internal server error" }));
  };
}

async function sendHealth(response: ServerResponse, health: Probe["health"]): Promise<void> {
  const { ok, details } = await health();
  send(response, ok ? 200 : 503, { status: ok ? "ok" : "stalled", ...details });
}

async function sendMetrics(response: ServerResponse, path: string | undefined, { registry }: Metrics): Promise<void> {
  if (path !== "/_metrics") return send(response, 404, { detail: "Not Found" });
  response.setHeader("content-type", registry.contentType).end(await registry.metrics());
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

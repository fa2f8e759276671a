import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Metrics } from "../../kernel/metrics.js";

export interface Health {
  /** Decides between 200 and 503. */
  readonly ok: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Probe {
  readonly metrics: Metrics;
  readonly health: () => Health;
}

/** Serves /health and /_metrics of a process that has no other HTTP of its own. @see protocol 10 §14 */
export function probeListener({ metrics, health }: Probe): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split("?")[0];
    if (path === "/health") {
      const { ok, details } = health();
      return answer(response, ok ? 200 : 503, { status: ok ? "ok" : "stalled", ...details });
    }
    if (path !== "/_metrics") return answer(response, 404, { detail: "Not Found" });
    metrics.registry.metrics().then(
      (text) => response.setHeader("content-type", metrics.registry.contentType).end(text),
      () => answer(response, 500, { detail: "Internal server error" }),
    );
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

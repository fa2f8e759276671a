import { type Chute, concurrencyOf } from "../../../domain/chutes/chute.js";
import { connectionsOf } from "../../../domain/invocations/target-store.js";
import { type Running, runLoop } from "../../../kernel/lifecycle.js";
import type { ApiDeps } from "../deps.js";
import type { GatewayMemory } from "./gateway-memory.js";
import type { GatewayMetrics } from "./gateway-metrics.js";

export interface LoadGaugesDeps extends Pick<ApiDeps, "redis" | "log" | "signal" | "now"> {
  readonly memory: GatewayMemory;
  readonly metrics: GatewayMetrics;
}

const REFRESH_MS = 300_000;
const MOST_CHUTES = 5000;

/** How busy chutes are. Idle ones are measured too, so that the autoscaler sees them fall asleep. @see protocol 04 §15 */
export class LoadGauges implements Running {
  readonly #deps: LoadGaugesDeps;
  readonly #seen = new Map<string, Chute>();
  readonly #loop: Running;

  constructor(deps: LoadGaugesDeps) {
    this.#deps = deps;
    const options = { name: "load gauges", log: deps.log, signal: deps.signal, intervalMs: REFRESH_MS };
    this.#loop = runLoop(options, () => this.#refresh());
  }

  /** Takes what a call learned about its chute. */
  note(chute: Chute, meanConnections: number): void {
    if (this.#seen.size < MOST_CHUTES || this.#seen.has(chute.chuteId)) this.#seen.set(chute.chuteId, chute);
    const { metrics } = this.#deps;
    const labels = { chute_id: chute.chuteId };
    const slots = concurrencyOf(chute);
    metrics.meanConnections.set(labels, meanConnections);
    metrics.concurrency.set(labels, slots);
    metrics.utilization.set(labels, meanConnections / slots);
  }

  close(): Promise<void> {
    return this.#loop.close();
  }

  async #refresh(): Promise<void> {
    const { memory, redis, now } = this.#deps;
    for (const chute of this.#seen.values()) {
      const { chuteId } = chute;
      const targets = await memory.instancesOf(chuteId);
      const counts = await Promise.all(
        targets.map(({ instanceId }) => connectionsOf(redis, { chuteId, instanceId }, now())),
      );
      const sum = counts.reduce((total, count) => total + count, 0);
      this.note(chute, counts.length === 0 ? 0 : Math.floor(sum / counts.length));
    }
  }
}

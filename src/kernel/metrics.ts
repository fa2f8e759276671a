import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Prometheus metrics of one process. Names are as listed in protocol 04 §15 and 10 §14. */
export interface Metrics {
  readonly registry: Registry;
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, options: HistogramOptions): Histogram;
}

export interface HistogramOptions {
  readonly labels?: readonly string[];
  readonly buckets: readonly number[];
}

/** A fresh registry; asking twice for one name gives the same metric, so modules need not share objects. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const known = <T>(name: string, make: () => T): T => (registry.getSingleMetric(name) as T | undefined) ?? make();
  return {
    registry,
    counter: (name, help, labels = []) =>
      known(name, () => new Counter({ name, help, labelNames: [...labels], registers: [registry] })),
    gauge: (name, help, labels = []) =>
      known(name, () => new Gauge({ name, help, labelNames: [...labels], registers: [registry] })),
    histogram: (name, help, { labels = [], buckets }) =>
      known(
        name,
        () => new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] }),
      ),
  };
}

// Child of bench/reads.ts: the load, so that it does not share the event loop with what it measures.
import autocannon from "autocannon";

export interface LoadTask {
  readonly url: string;
  readonly authorization: string;
  readonly seconds: number;
  readonly connections: number;
}

export interface LoadReport {
  readonly rps: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

async function run({ url, authorization, seconds, connections }: LoadTask): Promise<LoadReport> {
  const result = await autocannon({ url, connections, duration: seconds, headers: { authorization } });
  const { requests, latency, errors, timeouts, non2xx } = result;
  return { rps: requests.average, p50: latency.p50, p99: latency.p99, failures: errors + timeouts + non2xx };
}

process.once("message", (task: LoadTask) => {
  run(task).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());

import { syncMetagraph } from "../domain/metagraph/metagraph-repository.js";
import type { ChainReader, Neuron } from "../infra/chain/client.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job, JobResult, JobRun } from "./job.js";

interface MetasyncDeps {
  readonly db: Db;
  readonly chain: ChainReader;
  readonly config: Config;
}

/** Copies the subnet's keys from the chain. @see protocol 07 §2 */
export function metasyncJob(deps: MetasyncDeps): Job {
  let refused: string | undefined;
  return {
    name: "metasync",
    summary: "Copy the subnet's registered keys from the chain",
    everySeconds: deps.config.jobs.metasyncSeconds,
    timeoutSeconds: 60,
    critical: true,
    async run(run: JobRun): Promise<JobResult> {
      const { netuid } = deps.config;
      const { neurons, block } = await deps.chain.metagraph(netuid);
      const keys = keysOf(neurons);
      // A list that is too short to be believed is believed when the next reading is the same.
      const sync = { netuid, neurons, now: run.now(), confirmedShrink: keys === refused };
      refused = keys;
      const { changed, removed } = await syncMetagraph(deps.db, sync);
      refused = undefined;
      return { items: changed.length + removed.length, details: { block, neurons: neurons.length } };
    },
  };
}

function keysOf(neurons: readonly Neuron[]): string {
  return neurons
    .map((neuron) => neuron.hotkey)
    .sort()
    .join();
}

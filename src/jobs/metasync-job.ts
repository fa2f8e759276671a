import { syncMetagraph } from "../domain/metagraph/metagraph-repository.js";
import type { ChainReader } from "../infra/chain/client.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job, JobRun } from "./job.js";

/** Copies the subnet's keys from the chain. @see protocol 07 §2 */
export function metasyncJob(deps: { readonly db: Db; readonly chain: ChainReader; readonly config: Config }): Job {
  return {
    name: "metasync",
    summary: "Copy the subnet's registered keys from the chain",
    everySeconds: deps.config.jobs.metasyncSeconds,
    timeoutSeconds: 60,
    critical: true,
    run: async (run: JobRun) => {
      const { neurons, block } = await deps.chain.metagraph(deps.config.netuid);
      const { changed, removed } = await syncMetagraph(deps.db, {
        netuid: deps.config.netuid,
        neurons,
        now: run.now(),
      });
      return { items: changed.length + removed.length, details: { block, neurons: neurons.length } };
    },
  };
}

import { expireStuckLaunches } from "../domain/instances/instance-repository.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job } from "./job.js";

const MOST_PER_RUN = 50;

/** Frees the GPUs of instances that were claimed and never came up. @see protocol 05 §17.12, 03 §12.3 */
export function stuckLaunchesJob({ db, config }: { readonly db: Db; readonly config: Config }): Job {
  const { maxStartupSeconds } = config.instances;
  return {
    name: "stuck-launches",
    summary: "Remove instances that never became active",
    everySeconds: 60,
    timeoutSeconds: 60,
    critical: false,
    run: async (run) => ({
      items: await expireStuckLaunches(db, { now: run.now(), maxStartupSeconds, limit: MOST_PER_RUN }),
    }),
  };
}

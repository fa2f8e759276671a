import { expireIdlePrivateInstances } from "../domain/instances/instance-repository.js";
import type { Db } from "../infra/postgres/client.js";
import type { Job } from "./job.js";

/** One run removes at most this many; a misbehaving clock cannot empty the platform at once. @see protocol 10 §14 */
const MOST_PER_RUN = 50;

/** Ends private instances that nobody used for their `shutdown_after_seconds`. @see protocol 10 §5.4 */
export function idleInstancesJob(db: Db): Job {
  return {
    name: "idle-instances",
    summary: "End private instances that nobody uses",
    everySeconds: 15,
    timeoutSeconds: 60,
    critical: false,
    run: async (run) => ({ items: await expireIdlePrivateInstances(db, run.now(), MOST_PER_RUN) }),
  };
}

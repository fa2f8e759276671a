/** A worker that does nothing but rolling updates, to be killed: `node --import tsx <this file> <database URL>`. */
import { openPostgres } from "../../src/infra/postgres/client.js";
import { startJobRunner } from "../../src/jobs/job-runner.js";
import { rollingUpdateJob } from "../../src/jobs/rolling-update-job.js";
import { createLogger } from "../../src/kernel/logger.js";
import { createMetrics } from "../../src/kernel/metrics.js";

const [, , url = ""] = process.argv;
const db = openPostgres({ url, poolSize: 2, statementTimeoutMs: 10_000 });
startJobRunner(
  {
    db,
    log: createLogger({ level: "fatal", secrets: [] }),
    now: () => new Date(),
    signal: new AbortController().signal,
    metrics: createMetrics(),
    leaseSeconds: 1,
  },
  [rollingUpdateJob(db)],
);

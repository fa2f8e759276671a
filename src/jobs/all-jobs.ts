import { auditExportJob } from "./audit-export/audit-export-job.js";
import type { ExportSources } from "./audit-export/export-deps.js";
import { exportRetentionJob } from "./export-retention-job.js";
import { idleInstancesJob } from "./idle-instances-job.js";
import { invocationCountJob } from "./invocation-count-job.js";
import type { Job } from "./job.js";
import { maintenanceJob } from "./maintenance-job.js";
import { metasyncJob } from "./metasync-job.js";
import { modelCacheJob } from "./model-cache-job.js";
import { rollingUpdateJob } from "./rolling-update-job.js";
import { rollUpJob } from "./rollup-job.js";
import { scoresJob } from "./scores-job.js";
import { stuckLaunchesJob } from "./stuck-launches-job.js";

/** Every scheduled job of the platform. */
export function allJobs(sources: ExportSources): Job[] {
  return [
    metasyncJob(sources),
    auditExportJob(sources),
    exportRetentionJob(sources),
    scoresJob(sources),
    rollUpJob(sources),
    invocationCountJob(sources),
    modelCacheJob(sources),
    idleInstancesJob(sources.db),
    stuckLaunchesJob(sources),
    rollingUpdateJob(sources.db),
    maintenanceJob(sources.db),
  ];
}

import { firstActivity } from "../../domain/audit/audit-rows-repository.js";
import { exportedUntil, unfinishedExport } from "../../domain/audit/export-journal-repository.js";
import type { ExportWindow } from "../../domain/audit/export-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Job, JobResult } from "../job.js";
import { buildExport, type ExportPlan } from "./build-export.js";
import type { ExportDeps, ExportSources } from "./export-deps.js";
import { finishExport } from "./publish-export.js";

const HOUR_MS = 3_600_000;
/** One run catches up at most this many hours; the next run goes on. */
const MAX_WINDOWS = 48;

export interface ExportRange {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** Also export the running hour up to now. The hour's own export supersedes it later. */
  readonly closeNow?: boolean | undefined;
}

/** Exports every hour that is over and not exported yet, oldest first. @see protocol 08 §2 */
export function auditExportJob(sources: ExportSources, range: ExportRange = {}): Job {
  return {
    name: "audit-export",
    summary: "Write the public hourly exports and commit their hash on chain",
    everySeconds: 60,
    timeoutSeconds: 1800,
    critical: true,
    run: (run) => exportHours({ ...sources, run }, range),
  };
}

/** Hours an export would cover now: what `--dry-run` prints. */
export async function plannedExports(
  sources: Pick<ExportSources, "config" | "db">,
  now: Date,
  range: ExportRange,
): Promise<ExportPlan[]> {
  const settled = new Date(now.getTime() - sources.config.audit.settleSeconds * 1000);
  const last = earlier(floorHour(settled), range.to);
  const first = await firstWindow(sources.db, last, range.from);
  const plans: ExportPlan[] = [];
  for (let start = first; start < last && plans.length < MAX_WINDOWS; start = new Date(start.getTime() + HOUR_MS)) {
    plans.push(wholeHour(start));
  }
  if (range.closeNow === true) plans.push({ ...hourOf(now), closedAt: now, reason: "closed early" });
  return plans;
}

async function exportHours(deps: ExportDeps, range: ExportRange): Promise<JobResult> {
  const resumed = await resume(deps);
  const plans = await plannedExports(deps, deps.run.now(), range);
  for (const plan of plans) {
    deps.run.signal.throwIfAborted();
    await buildExport(deps, plan);
    await resume(deps);
    deps.run.log.info({ start: plan.start, end: plan.end }, "hour exported");
  }
  return { items: plans.length + resumed, details: { hours: plans.map((plan) => plan.end.toISOString()) } };
}

/** Finishes what the journal holds unfinished; also how a freshly built export is published. */
async function resume(deps: ExportDeps): Promise<number> {
  let finished = 0;
  for (
    let journal = await unfinishedExport(deps.db);
    journal !== undefined;
    journal = await unfinishedExport(deps.db)
  ) {
    await finishExport(deps, journal);
    finished += 1;
  }
  return finished;
}

async function firstWindow(db: Db, last: Date, from: Date | undefined): Promise<Date> {
  const until = await exportedUntil(db);
  if (until !== undefined) return until;
  return floorHour(from ?? (await firstActivity(db)) ?? last);
}

function wholeHour(start: Date): ExportPlan {
  const { end } = hourOf(start);
  return { start, end, closedAt: end, reason: null };
}

function hourOf(time: Date): ExportWindow {
  const start = floorHour(time);
  return { start, end: new Date(start.getTime() + HOUR_MS) };
}

function floorHour(time: Date): Date {
  return new Date(Math.floor(time.getTime() / HOUR_MS) * HOUR_MS);
}

function earlier(a: Date, b: Date | undefined): Date {
  return b === undefined || a < b ? a : b;
}

import { firstActivity } from "../../domain/audit/audit-rows-repository.js";
import { exportedUntil, unfinishedExport } from "../../domain/audit/export-journal-repository.js";
import type { Job, JobResult } from "../job.js";
import { buildExport, type ExportPlan } from "./build-export.js";
import type { ExportDeps, ExportSources } from "./export-deps.js";
import { finishExport } from "./publish-export.js";
import { removeAbandoned } from "./staging.js";

const HOUR_MS = 3_600_000;
/** One run catches up at most this many hours; the next run goes on. The chain takes 31 commitments in an epoch of 72 minutes. */
const MAX_WINDOWS = 24;

export interface ExportRange {
  /** First hour when nothing was exported yet. Later exports always go on where the last one ended, so that no hour is left out. */
  readonly from?: Date | undefined;
  /** No hour that ends after this. */
  readonly to?: Date | undefined;
  /** Also export what is not due yet, up to now. The hour's own export supersedes it later. */
  readonly closeNow?: boolean | undefined;
}

/** Exports every hour that is over and not exported yet, oldest first. @see protocol 08 §2 */
export function auditExportJob(sources: ExportSources, range: ExportRange = {}): Job {
  return {
    name: "audit-export",
    summary: "Write the public hourly exports and commit their hash on chain",
    everySeconds: 60,
    timeoutSeconds: 3600,
    critical: true,
    run: (run) => exportHours({ ...sources, run }, range),
  };
}

/** Hours an export would cover now, oldest first; also what `--dry-run` prints. Hours are those of UTC. @see protocol 08 §2.1 */
export async function plannedExports(
  { config, db }: Pick<ExportSources, "config" | "db">,
  now: Date,
  range: ExportRange,
): Promise<ExportPlan[]> {
  const due = floorHour(new Date(now.getTime() - config.audit.settleSeconds * 1000));
  const last = range.to !== undefined && range.to < due ? floorHour(range.to) : due;
  const first = (await exportedUntil(db)) ?? floorHour(range.from ?? (await firstActivity(db)) ?? last);
  const whole = hours(first, last).map((start) => wholeHour(start));
  if (range.closeNow !== true) return whole;
  const early = hours(later(first, due), now);
  return [...whole, ...early.map((start) => earlyHour(start, now))];
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
  if (plans.length > 0) await removeAbandoned(deps.store, deps.run.now());
  return { items: plans.length + resumed, details: { hours: plans.map((plan) => plan.end.toISOString()) } };
}

/** Finishes what the journal holds unfinished; also how a freshly built export is published. */
async function resume(deps: ExportDeps): Promise<number> {
  let finished = 0;
  for (;;) {
    const journal = await unfinishedExport(deps.db);
    if (journal === undefined) return finished;
    await finishExport(deps, journal);
    finished += 1;
  }
}

/** Starts of the first hours that begin in [first, before). */
function hours(first: Date, before: Date): Date[] {
  const count = Math.ceil((before.getTime() - first.getTime()) / HOUR_MS);
  return Array.from(
    { length: Math.max(0, Math.min(count, MAX_WINDOWS)) },
    (_, index) => new Date(first.getTime() + index * HOUR_MS),
  );
}

function wholeHour(start: Date): ExportPlan {
  const end = new Date(start.getTime() + HOUR_MS);
  return { start, end, closedAt: end, reason: null };
}

/** An hour that is over but has not settled loses its last millisecond: its own export is still to come and must be told apart. */
function earlyHour(start: Date, now: Date): ExportPlan {
  const { end } = wholeHour(start);
  const closedAt = now < end ? now : new Date(end.getTime() - 1);
  return { start, end, closedAt, reason: "closed early" };
}

function floorHour(time: Date): Date {
  return new Date(Math.floor(time.getTime() / HOUR_MS) * HOUR_MS);
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}

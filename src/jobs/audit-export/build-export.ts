import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditReportBytes, type ExportedFile, exportPath } from "../../domain/audit/audit-report.js";
import { computeHistoryRows, instanceAuditRows } from "../../domain/audit/audit-rows-repository.js";
import { type BuiltExport, recordBuilt } from "../../domain/audit/export-journal-repository.js";
import { invocationLine, reportLine } from "../../domain/audit/export-line.js";
import {
  type ExportWindow,
  exportInvocations,
  exportReports,
  inSnapshot,
} from "../../domain/audit/export-repository.js";
import { pseudonymousReport, pseudonymousRow } from "../../domain/audit/pseudonym.js";
import type { ProfileName } from "../../domain/scoring/profiles.js";
import { scoreMiners } from "../../domain/scoring/score.js";
import { scoringInputs } from "../../domain/scoring/score-inputs-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { sha256Hex } from "../../wire/hashes.js";
import { INVOCATION_COLUMNS, JOB_COLUMNS, REPORT_COLUMNS } from "../../wire/invocation-csv.js";
import type { ExportDeps } from "./export-deps.js";
import { pendingFile, pendingReport } from "./staging.js";
import { writeCsv } from "./write-csv.js";

export interface ExportPlan extends ExportWindow {
  /** When the window was closed: its end, or earlier for an early export. */
  readonly closedAt: Date;
  readonly reason: string | null;
}

type Kind = ExportedFile["kind"];

/**
 * Reads one window in one snapshot, writes its files and report to staging, and notes in the journal what they are. Until then
 * nothing public has changed; a crash before the note leaves only staging objects.
 */
export async function buildExport(deps: ExportDeps, plan: ExportPlan): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "chutes-export-"));
  try {
    const built = await inSnapshot(deps.db, (snapshot) => readWindow(deps, snapshot, { plan, dir }));
    const { reportSha256, report } = built;
    for (const { kind } of built.files) {
      const body = createReadStream(localFile(dir, kind));
      await deps.store.put(pendingFile(reportSha256, kind), body, { contentType: "text/csv" });
    }
    await deps.store.put(pendingReport(reportSha256), report, { contentType: "application/json" });
    await deps.db.transaction().execute(async (tx) => {
      await deps.run.guard(tx);
      await recordBuilt(tx, built, deps.run.now());
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Work {
  readonly plan: ExportPlan;
  readonly dir: string;
}

async function readWindow(
  deps: ExportDeps,
  snapshot: Db,
  { plan, dir }: Work,
): Promise<BuiltExport & { report: Buffer }> {
  const closedAt = plan.closedAt < plan.end ? plan.closedAt : plan.end;
  const window = { start: plan.start, end: closedAt };
  const key = deps.config.audit.pseudonyms ? deps.pseudonymKey : undefined;
  const files = await writeFiles(snapshot, window, { dir, end: plan.end, key });
  const report = auditReportBytes({
    netuid: deps.config.netuid,
    start: plan.start,
    end: plan.end,
    closedAt,
    files,
    instanceAudit: (await instanceAuditRows(snapshot, window)).map((row) => pseudonymousRow(row, key)),
    computeHistory: await computeHistoryRows(snapshot, window),
    scores: await scoresAt(deps, snapshot, closedAt),
  });
  const { start, end, reason } = plan;
  return { start, end, closedAt, reason, files, reportSha256: sha256Hex(report), report };
}

interface Target {
  readonly dir: string;
  /** End of the whole hour, after which the files are named. */
  readonly end: Date;
  /** Key of the pseudonyms, if there are any. */
  readonly key: string | undefined;
}

async function writeFiles(snapshot: Db, window: ExportWindow, { dir, end, key }: Target): Promise<ExportedFile[]> {
  const file = (kind: Kind, header: readonly string[]) => ({ path: localFile(dir, kind), header });
  const named = (kind: Kind) => ({ kind, path: exportPath(end, kind) });
  const invocations = await writeCsv(
    file("invocations", INVOCATION_COLUMNS),
    exportInvocations(snapshot, window),
    invocationLine,
  );
  const reports = await writeCsv(file("reports", REPORT_COLUMNS), exportReports(snapshot, window), (row) =>
    reportLine(pseudonymousReport(row, key)),
  );
  const jobs = await writeCsv(file("jobs", JOB_COLUMNS), noJobs(), () => "");
  return [
    { ...named("invocations"), ...invocations },
    { ...named("reports"), ...reports },
    { ...named("jobs"), ...jobs },
  ];
}

function localFile(dir: string, kind: Kind): string {
  return join(dir, `${kind}.csv`);
}

async function scoresAt({ config }: ExportDeps, snapshot: Db, asOf: Date) {
  const profile = config.scoring.profile as ProfileName;
  const { oneHotkeyPerColdkey } = config.scoring;
  const inputs = await scoringInputs(snapshot, { profile, netuid: config.netuid, asOf, oneHotkeyPerColdkey });
  return { profile, asOf, oneHotkeyPerColdkey, scores: scoreMiners(profile, inputs).scores };
}

/** Batch jobs are not part of this platform, so no hour has any; the file with its header is part of every export. */
async function* noJobs(): AsyncGenerator<readonly never[]> {}

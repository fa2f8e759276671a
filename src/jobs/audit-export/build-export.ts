import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { auditReportBytes, type ExportedFile, exportPath } from "../../domain/audit/audit-report.js";
import { computeHistoryRows, instanceAuditRows } from "../../domain/audit/audit-rows-repository.js";
import { type BuiltExport, recordBuilt } from "../../domain/audit/export-journal-repository.js";
import { invocationLine, reportLine } from "../../domain/audit/export-line.js";
import { type ExportWindow, exportInvocations, exportReports } from "../../domain/audit/export-repository.js";
import { pseudonymousReport, pseudonymousRow } from "../../domain/audit/pseudonym.js";
import type { ProfileName } from "../../domain/scoring/profiles.js";
import { scoreMiners } from "../../domain/scoring/score.js";
import { scoringInputs } from "../../domain/scoring/score-inputs-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { csvLine } from "../../wire/csv.js";
import { INVOCATION_COLUMNS, JOB_COLUMNS, REPORT_COLUMNS } from "../../wire/invocation-csv.js";
import type { ExportDeps } from "./export-deps.js";

export interface ExportPlan extends ExportWindow {
  readonly closedAt: Date;
  readonly reason: string | null;
}

type Kind = ExportedFile["kind"];

/**
 * Reads one window in one snapshot, writes its files and report to staging, and notes in the journal what they are. Until then
 * nothing public has changed; a crash before the note leaves only staging objects, which the next build overwrites.
 */
export async function buildExport(deps: ExportDeps, plan: ExportPlan): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "chutes-export-"));
  try {
    const built = await deps.db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute((snapshot) => writeFiles(deps, snapshot, { plan, dir }));
    for (const file of built.files) await stage(deps, file, join(dir, `${file.kind}.csv`));
    await deps.store.put(pendingReport(built.reportSha256), built.report, { contentType: "application/json" });
    await deps.db.transaction().execute(async (tx) => {
      await deps.run.guard(tx);
      await recordBuilt(tx, built, deps.run.now());
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Where a report waits until its hash is on chain. @see protocol 08 §2.7 */
export function pendingReport(sha256: string): string {
  return `audit/pending/${sha256}.json`;
}

/** Where a file waits until its report is on chain. */
export function stagedFile(sha256: string): string {
  return `audit/staging/${sha256}.csv`;
}

interface Work {
  readonly plan: ExportPlan;
  readonly dir: string;
}

async function writeFiles(
  deps: ExportDeps,
  snapshot: Db,
  { plan, dir }: Work,
): Promise<BuiltExport & { report: Buffer }> {
  const window = { start: plan.start, end: plan.closedAt < plan.end ? plan.closedAt : plan.end };
  const key = deps.config.audit.pseudonyms ? deps.pseudonymKey : undefined;
  const files = [
    await writeFile(
      { dir, kind: "invocations", end: plan.end, header: INVOCATION_COLUMNS },
      lines(exportInvocations(snapshot, window), invocationLine),
    ),
    await writeFile(
      { dir, kind: "reports", end: plan.end, header: REPORT_COLUMNS },
      lines(exportReports(snapshot, window), (row) => reportLine(pseudonymousReport(row, key))),
    ),
    await writeFile({ dir, kind: "jobs", end: plan.end, header: JOB_COLUMNS }, noLines()),
  ];
  const profile = deps.config.scoring.profile as ProfileName;
  const { oneHotkeyPerColdkey } = deps.config.scoring;
  const inputs = await scoringInputs(snapshot, {
    profile,
    netuid: deps.config.netuid,
    asOf: window.end,
    oneHotkeyPerColdkey,
  });
  const report = auditReportBytes({
    netuid: deps.config.netuid,
    start: plan.start,
    end: plan.end,
    closedAt: window.end,
    files,
    instanceAudit: (await instanceAuditRows(snapshot, window)).map((row) => pseudonymousRow(row, key)),
    computeHistory: await computeHistoryRows(snapshot, window),
    scores: { profile, asOf: window.end, oneHotkeyPerColdkey, scores: scoreMiners(profile, inputs).scores },
  });
  const reportSha256 = createHash("sha256").update(report).digest("hex");
  return { start: plan.start, end: plan.end, closedAt: window.end, reason: plan.reason, files, reportSha256, report };
}

interface FilePlan {
  readonly dir: string;
  readonly kind: Kind;
  readonly end: Date;
  readonly header: readonly string[];
}

/** Streams lines to disk while hashing and counting; memory stays constant. */
async function writeFile(plan: FilePlan, rows: AsyncGenerator<string>): Promise<ExportedFile> {
  const path = join(plan.dir, `${plan.kind}.csv`);
  const hash = createHash("sha256");
  let rowCount = -1;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of batched(plan.header, rows)) {
      rowCount += chunk.count;
      const bytes = Buffer.from(chunk.text);
      hash.update(bytes);
      yield bytes;
    }
  }
  await pipeline(Readable.from(counted()), createWriteStream(path));
  return {
    kind: plan.kind,
    path: exportPath(plan.end, plan.kind),
    sha256: hash.digest("hex"),
    sizeBytes: (await stat(path)).size,
    rowCount,
  };
}

/** Lines in pieces of some 64 kB: one write and one hash update per piece. The header counts as a line. */
async function* batched(
  header: readonly string[],
  rows: AsyncGenerator<string>,
): AsyncGenerator<{ text: string; count: number }> {
  let text = csvLine(header);
  let count = 1;
  for await (const line of rows) {
    text += line;
    count += 1;
    if (text.length < 65_536) continue;
    yield { text, count };
    text = "";
    count = 0;
  }
  yield { text, count };
}

async function* lines<Row>(rows: AsyncGenerator<Row>, toLine: (row: Row) => string): AsyncGenerator<string> {
  for await (const row of rows) yield toLine(row);
}

/** Batch jobs do not exist on this platform yet, so no hour has any. */
async function* noLines(): AsyncGenerator<string> {}

async function stage(deps: ExportDeps, file: ExportedFile, path: string): Promise<void> {
  await deps.store.put(stagedFile(file.sha256), createReadStream(path), { contentType: "text/csv" });
}

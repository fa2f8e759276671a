import { type ExportedFile, reportPath } from "../../domain/audit/audit-report.js";
import { type ExportJournal, publishedHashes, recordPublished } from "../../domain/audit/export-journal-repository.js";
import { AppError } from "../../kernel/errors.js";
import { settledBlock } from "./commit-report.js";
import type { ExportDeps } from "./export-deps.js";
import { placeObject } from "./place-object.js";
import { pendingFile, pendingReport } from "./staging.js";

/** Takes an export from wherever the journal says it stands to published. Every step may be repeated. @see protocol 08 §2.7 */
export async function finishExport(deps: ExportDeps, journal: ExportJournal): Promise<void> {
  const early = await replaceableHashes(deps, journal.files);
  const block = await settledBlock(deps, journal);
  await uploadFinal(deps, journal, { block, early });
  const { address: hotkey } = deps.signer;
  const unlisted = await deps.db.transaction().execute(async (tx) => {
    await deps.run.guard(tx);
    return recordPublished(tx, { ...journal, block }, { hotkey, now: deps.run.now() });
  });
  for (const { kind } of journal.files) await deps.store.delete(pendingFile(journal.reportSha256, kind));
  for (const key of [pendingReport(journal.reportSha256), ...unlisted]) await deps.store.delete(key);
}

/**
 * Hashes that an early export of the hour gave to these paths: only they may be replaced.
 * @throws AppError `conflict` EXP001 when a path was published for good with other bytes: auditors have their hash
 */
async function replaceableHashes(deps: ExportDeps, files: readonly ExportedFile[]): Promise<ReadonlySet<string>> {
  const early = new Set<string>();
  for (const file of files) {
    for (const published of await publishedHashes(deps.db, file.path)) {
      if (!published.isFinal) early.add(published.sha256);
      else if (published.sha256 !== file.sha256) throw changedHistory(file.path, published.sha256);
    }
  }
  return early;
}

async function uploadFinal(
  { store, signer }: ExportDeps,
  { files, reportSha256 }: ExportJournal,
  { block, early }: { block: number; early: ReadonlySet<string> },
): Promise<void> {
  for (const { kind, path, sha256 } of files) {
    await placeObject(store, { from: pendingFile(reportSha256, kind), to: path, sha256, replaceable: early });
  }
  const to = reportPath("validator", signer.address, block);
  await placeObject(store, { from: pendingReport(reportSha256), to, sha256: reportSha256, replaceable: new Set() });
}

function changedHistory(path: string, sha256: string): AppError {
  return new AppError("conflict", `${path} is already published with other bytes (${sha256})`, {
    code: "EXP001",
    fix: "the rows of a closed hour changed: find out why before anything else",
  });
}

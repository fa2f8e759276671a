import { reportPath } from "../../domain/audit/audit-report.js";
import {
  type ExportJournal,
  publishedHash,
  recordCommitted,
  recordPublished,
} from "../../domain/audit/export-journal-repository.js";
import { AppError } from "../../kernel/errors.js";
import { pendingReport, stagedFile } from "./build-export.js";
import type { ExportDeps } from "./export-deps.js";

/** Takes an export from wherever the journal says it stands to published. Every step may be repeated. @see protocol 08 §2.7 */
export async function finishExport(deps: ExportDeps, journal: ExportJournal): Promise<void> {
  await refuseChangedHistory(deps, journal);
  const block = journal.block ?? (await commitReport(deps, journal));
  await uploadFinal(deps, journal, block);
  await deps.db.transaction().execute(async (tx) => {
    await deps.run.guard(tx);
    await recordPublished(tx, { ...journal, block }, { hotkey: deps.signer.address, now: deps.run.now() });
  });
  await removeStaging(deps, journal);
}

/** A published hour keeps its bytes for ever; auditors have their hash. */
async function refuseChangedHistory(deps: ExportDeps, journal: ExportJournal): Promise<void> {
  for (const file of journal.files) {
    const published = await publishedHash(deps.db, file.path);
    if (published === undefined || published === file.sha256) continue;
    throw new AppError("conflict", `${file.path} is already published with other bytes (${published})`, {
      code: "EXP001",
      fix: "the rows of a closed hour changed: find out why before anything else",
    });
  }
}

/** A crash after the commitment and before its note finds the commitment on chain and does not make a second one. */
async function commitReport(deps: ExportDeps, journal: ExportJournal): Promise<number> {
  const { netuid } = deps.config;
  const hotkey = deps.signer.address;
  const block = deps.config.audit.commit
    ? await committedBlock(deps, journal.reportSha256, { netuid, hotkey })
    : (await deps.chain.finalizedHead()).number;
  await deps.db.transaction().execute(async (tx) => {
    await deps.run.guard(tx);
    await recordCommitted(tx, journal.exportId, block);
  });
  return block;
}

async function committedBlock(
  deps: ExportDeps,
  sha256Hex: string,
  where: { netuid: number; hotkey: string },
): Promise<number> {
  const newest = await deps.chain.latestCommitment(where.netuid, where.hotkey);
  if (newest?.sha256Hex === sha256Hex) return newest.block;
  const inclusion = await deps.chain.setCommitment(deps.signer, { netuid: where.netuid, sha256Hex });
  return inclusion.block;
}

async function uploadFinal(deps: ExportDeps, journal: ExportJournal, block: number): Promise<void> {
  for (const file of journal.files) {
    await deps.store.copy(stagedFile(file.sha256), file.path);
    const stored = await deps.store.head(file.path);
    if (stored?.sizeBytes !== file.sizeBytes) throw new AppError("unavailable", `${file.path} was not stored whole`);
  }
  await deps.store.copy(pendingReport(journal.reportSha256), reportPath("validator", deps.signer.address, block));
}

async function removeStaging(deps: ExportDeps, journal: ExportJournal): Promise<void> {
  for (const file of journal.files) await deps.store.delete(stagedFile(file.sha256));
  await deps.store.delete(pendingReport(journal.reportSha256));
}

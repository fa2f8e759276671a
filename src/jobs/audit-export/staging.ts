import type { ExportedFile } from "../../domain/audit/audit-report.js";
import type { ObjectStore } from "../../infra/object-store/store.js";

/** Where an export waits until its hash is on chain. Named after its report, so that two exports never share an object. */
const PENDING_PREFIX = "audit/pending/";

const LIST_LIMIT = 1000;
/** Younger objects may belong to a build that is running right now. */
const ABANDONED_MS = 24 * 3_600_000;

/** The report itself. @see protocol 08 §2.7 */
export function pendingReport(reportSha256: string): string {
  return `${PENDING_PREFIX}${reportSha256}.json`;
}

/** One of its files. */
export function pendingFile(reportSha256: string, kind: ExportedFile["kind"]): string {
  return `${PENDING_PREFIX}${reportSha256}/${kind}.csv`;
}

/** Removes what builds that crashed before their journal entry left behind. Call when no export is unfinished. */
export async function removeAbandoned(store: ObjectStore, now: Date): Promise<void> {
  for (const { key, modifiedAt } of await store.list(PENDING_PREFIX, { limit: LIST_LIMIT })) {
    if (now.getTime() - modifiedAt.getTime() > ABANDONED_MS) await store.delete(key);
  }
}

import type { CommitmentRead } from "../../../infra/chain/client.js";
import { sha256Hex } from "../../../wire/hashes.js";
import { auditEntryId } from "../../../wire/ids.js";
import type { AuditEntry } from "../audit-index.js";
import { checkCommitment, isContradicted } from "../checks/commitments.js";
import type { ReportFile } from "../load-reports.js";
import { readWhole } from "./fetch-answers.js";
import { writeWhole } from "./file-store.js";
import type { Remote } from "./remote.js";
import { RETRIES, withRetries } from "./retry.js";

/** A report that was fetched, or was already there. */
export interface FetchedFile extends ReportFile {
  readonly entry: AuditEntry;
}

/** The report of an entry, from the directory or the API, checked against its commitment (V03). Undefined when it cannot
 *  be had; the book then says why. */
export async function fetchReport(remote: Remote, entry: AuditEntry): Promise<FetchedFile | undefined> {
  const { book, deps, options } = remote;
  const name = `report of block ${entry.block}`;
  const place = { netuid: options.netuid, hotkey: entry.hotkey, block: entry.block };
  const read = await deps.chain?.commitmentAt(place);
  const found = await pathOf(remote, entry, read);
  if (found === undefined) {
    book.found("V01", "incomplete", { subject: name, message: "the API does not serve it" });
    return undefined;
  }
  if (read === undefined) book.note("V03", "offline");
  else checkCommitment(read, { name, sha256: found.sha256, place, book });
  return { name, path: found.path, start: entry.start, end: entry.end, entry };
}

/** A stored copy is used when it is what was stored, or what the chain holds. A download that the chain contradicts is repeated
 *  once and then kept aside. */
async function pathOf(remote: Remote, entry: AuditEntry, read: CommitmentRead | undefined) {
  const { store } = remote;
  const path = store.reportPath(auditEntryId(entry.hotkey, entry.block));
  const stored = await store.hashOf(path);
  const wanted = read?.kind === "sha256" ? read.hex : store.rememberedHash(path);
  if (stored !== undefined && stored === wanted) return { path, sha256: stored };
  const first = await transfer(remote, entry);
  const bytes = first !== undefined && isContradicted(read, sha256Hex(first)) ? await transfer(remote, entry) : first;
  if (bytes === undefined) return undefined;
  const sha256 = sha256Hex(bytes);
  const isBad = isContradicted(read, sha256);
  const target = isBad ? `${path}.bad` : path;
  await writeWhole(target, bytes);
  if (!isBad) await store.remember(path, sha256);
  return { path: target, sha256 };
}

function transfer(remote: Remote, entry: AuditEntry): Promise<Buffer | undefined> {
  return withRetries(remote.deps.retries ?? RETRIES, remote.deps.signal, async () => {
    const answer = await remote.api.open(`/audit/download?path=${encodeURIComponent(entry.path)}`);
    const body = await readWhole(answer, remote);
    return answer.status === 200 ? body : undefined;
  });
}

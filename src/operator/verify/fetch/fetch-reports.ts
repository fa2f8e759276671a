import { readFile } from "node:fs/promises";
import type { CommitmentRead } from "../../../infra/chain/client.js";
import { sha256Hex } from "../../../wire/hashes.js";
import { auditEntryId } from "../../../wire/ids.js";
import type { AuditEntry } from "../audit-index.js";
import { readAuditReport } from "../audit-report.js";
import { checkCommitment, isContradicted } from "../checks/commitments.js";
import type { CollectedReport } from "../evidence.js";
import { readWhole } from "./fetch-answers.js";
import { writeWhole } from "./file-store.js";
import type { Remote } from "./remote.js";
import { RETRIES, withRetries } from "./retry.js";

/** The report of an entry, from the directory or the API, checked against its commitment (V03). Undefined when it cannot
 *  be had or read; the book then says why. */
export async function fetchReport(remote: Remote, entry: AuditEntry): Promise<CollectedReport | undefined> {
  const { book, deps, options } = remote;
  const name = `report of block ${entry.block}`;
  const place = { netuid: options.netuid, hotkey: entry.hotkey, block: entry.block };
  const read = await deps.chain?.commitmentAt(place);
  const bytes = await bytesOf(remote, entry, read);
  if (bytes === undefined) {
    book.found("V01", "incomplete", { subject: name, message: "the API does not serve it" });
    return undefined;
  }
  if (read === undefined) book.note("V03", "offline");
  else checkCommitment(read, { name, bytes, place, book });
  const report = readAuditReport(bytes);
  if (report === undefined) {
    book.found("V05", "violation", { subject: name, message: "is not a JSON object" });
    return undefined;
  }
  return { name, report, start: entry.start, end: entry.end };
}

/** A stored copy is used unless the chain contradicts it; a download that it contradicts is repeated once. */
async function bytesOf(
  remote: Remote,
  entry: AuditEntry,
  read: CommitmentRead | undefined,
): Promise<Buffer | undefined> {
  const { store } = remote;
  const path = store.reportPath(auditEntryId(entry.hotkey, entry.block));
  const stored = (await store.hashOf(path)) === undefined ? undefined : await readFile(path);
  if (stored !== undefined && !isContradicted(read, stored)) return stored;
  const first = await transfer(remote, entry);
  const bytes = first !== undefined && isContradicted(read, first) ? await transfer(remote, entry) : first;
  if (bytes === undefined) return undefined;
  const isBad = isContradicted(read, bytes);
  await writeWhole(isBad ? `${path}.bad` : path, bytes);
  if (!isBad) await store.remember(path, sha256Hex(bytes));
  return bytes;
}

function transfer(remote: Remote, entry: AuditEntry): Promise<Buffer | undefined> {
  return withRetries(remote.deps.retries ?? RETRIES, remote.deps.signal, async () => {
    const answer = await remote.api.open(`/audit/download?path=${encodeURIComponent(entry.path)}`);
    const body = await readWhole(answer, remote);
    return answer.status === 200 ? body : undefined;
  });
}

import type { CommitmentRead } from "../../../infra/chain/client.js";
import type { CheckBook } from "./check-book.js";

/** Whose commitment in which block. */
interface CommitmentPlace {
  readonly netuid: number;
  readonly hotkey: string;
  readonly block: number;
}

interface Committed {
  readonly name: string;
  readonly sha256: string;
  readonly place: CommitmentPlace;
  readonly book: CheckBook;
}

/** V03: the SHA-256 of a report is what its validator committed in that block. A commitment that cannot be read is
 *  never taken for a good one. @see protocol 08 §5 */
export function checkCommitment(read: CommitmentRead, { name: subject, sha256, place, book }: Committed): void {
  if (read.kind === "unreadable") {
    const message = `the chain endpoint keeps neither state nor body of block ${place.block}`;
    book.found("V03", "unverifiable", { subject, message });
  } else if (read.kind === "absent") {
    const message = `not committed: block ${place.block} holds no commitment of ${place.hotkey}`;
    book.found("V03", "violation", { subject, message });
  } else if (read.hex !== sha256) {
    const message = `SHA-256 is ${sha256}, committed in block ${place.block} is ${read.hex}`;
    book.found("V03", "violation", { subject, message });
  } else book.ok("V03");
}

/** True when the chain holds another hash: a reason to fetch the report again. */
export function isContradicted(read: CommitmentRead | undefined, sha256: string): boolean {
  return read?.kind === "sha256" && read.hex !== sha256;
}

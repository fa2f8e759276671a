import type { ComputeInterval } from "../../../domain/scoring/inputs.js";
import { groupByInstance } from "../../../domain/scoring/inputs.js";
import type { AuditedInstance, AuditReport } from "../audit-report.js";
import type { CheckBook } from "./check-book.js";

/** What all reports together say about instances. */
export interface InstanceBook {
  readonly instances: readonly AuditedInstance[];
  readonly history: ReadonlyMap<string, readonly ComputeInterval[]>;
}

/** Merges reports in the order of their windows: the latest row of every instance, and every interval. What an earlier
 *  report has fixed may not change afterwards; where it does, V07 says so. @see protocol 08 §7.5 */
export class InstanceMerger {
  readonly #instances = new Map<string, AuditedInstance>();
  readonly #intervals = new Map<string, ComputeInterval>();
  readonly #book: CheckBook;
  #reports = 0;

  constructor(book: CheckBook) {
    this.#book = book;
  }

  add(name: string, report: AuditReport): void {
    this.#reports += 1;
    const source = { name, book: this.#book };
    for (const row of report.instances) mergeInstance(this.#instances, row, source);
    for (const row of report.history) mergeInterval(this.#intervals, row, source);
  }

  finish(): InstanceBook {
    if (this.#reports > 1) this.#book.ok("V07", this.#instances.size + this.#intervals.size);
    else this.#book.note("V07", "needs two reports");
    return { instances: [...this.#instances.values()], history: groupByInstance(this.#intervals.values()) };
  }
}

interface Source {
  readonly name: string;
  readonly book: CheckBook;
}

function mergeInstance(instances: Map<string, AuditedInstance>, row: AuditedInstance, source: Source): void {
  const known = instances.get(row.instanceId);
  for (const field of known === undefined ? [] : contradictions(known, row)) {
    const message = `${field} differs from an earlier report`;
    source.book.found("V07", "violation", { subject: `${source.name}: instance ${row.instanceId}`, message });
  }
  if (known === undefined || isNewer(row, known)) instances.set(row.instanceId, row);
}

function contradictions(known: AuditedInstance, row: AuditedInstance): string[] {
  const fields: [string, unknown, unknown][] = [
    ["created_at", known.createdAt.getTime(), row.createdAt.getTime()],
    ["activated_at", known.activatedAt?.getTime(), row.activatedAt?.getTime()],
    ["deleted_at", known.deletedAt?.getTime(), row.deletedAt?.getTime()],
    ["miner_hotkey", known.hotkey, row.hotkey],
    ["chute_id", known.chuteId, row.chuteId],
  ];
  return fields.filter(([, before, now]) => before !== undefined && before !== now).map(([name]) => name);
}

/** A deleted row before a living one, then the later deletion, then the later verification, then the later report. */
function isNewer(row: AuditedInstance, known: AuditedInstance): boolean {
  const deleted = (row.deletedAt?.getTime() ?? -1) - (known.deletedAt?.getTime() ?? -1);
  if (deleted !== 0) return deleted > 0;
  return (row.verifiedAt?.getTime() ?? -1) >= (known.verifiedAt?.getTime() ?? -1);
}

function mergeInterval(intervals: Map<string, ComputeInterval>, row: ComputeInterval, source: Source): void {
  const key = `${row.instanceId}@${row.startedAt.getTime()}`;
  const known = intervals.get(key);
  const endBefore = known?.endedAt?.getTime();
  const isChanged =
    known !== undefined &&
    (known.computeMultiplier !== row.computeMultiplier ||
      (endBefore !== undefined && endBefore !== row.endedAt?.getTime()));
  if (isChanged) {
    const subject = `${source.name}: history of ${row.instanceId} from ${row.startedAt.toISOString()}`;
    source.book.found("V07", "violation", { subject, message: "multiplier or end differs from an earlier report" });
    return;
  }
  intervals.set(key, row);
}

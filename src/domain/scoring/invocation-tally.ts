import type { InvocationSums } from "./inputs.js";
import { WINDOW_MS } from "./inputs.js";
import type { BillableSeconds, InvocationRow } from "./invocation-row.js";
import type { ProfileName } from "./profiles.js";
import { SCORING_PROFILES } from "./profiles.js";

const WINDOW_US = WINDOW_MS * 1000;

interface Cell extends InvocationSums {
  readonly chutes: Set<string> | undefined;
}

/** Sums invocation rows for many evaluation times in one pass. A row is visible to a contiguous run of the times, and
 *  almost all rows share the same few runs, so rows are summed per run and the runs are added up at the end: memory
 *  depends on miners and chutes, never on rows, and a row costs the same for one time as for a hundred. */
export class InvocationTally {
  readonly #timesUs: readonly number[];
  readonly #cells = new Map<number, Map<string, Cell>>();
  readonly #billableSeconds: BillableSeconds;
  readonly #lowestUid: number;
  readonly #hasReportsAndPrivate: boolean;
  #lastKey = -1;
  #lastCells: Map<string, Cell> = new Map();

  /** @param asOfs evaluation times in ascending order. */
  constructor(profile: ProfileName, asOfs: readonly Date[], billableSeconds: BillableSeconds) {
    this.#timesUs = asOfs.map((time) => time.getTime() * 1000);
    this.#billableSeconds = billableSeconds;
    this.#lowestUid = SCORING_PROFILES[profile].lowestUid;
    this.#hasReportsAndPrivate = profile !== "invocations-2025-02";
  }

  add(row: InvocationRow): void {
    if (row.failed || !(row.completedAtUs >= row.startedAtUs) || row.minerUid < this.#lowestUid) return;
    const first = this.#firstAtOrAfter(row.completedAtUs);
    const end = this.#firstAtOrAfter(this.#goneFromUs(row));
    if (first >= end) return;
    const cell = this.#cellOf(first * (this.#timesUs.length + 1) + end, row.hotkey);
    cell.computeUnits += row.bounty + row.computeMultiplier * this.#billableSeconds(row);
    cell.chutes?.add(row.chuteId);
    if (this.#hasReportsAndPrivate && row.isPrivate) return;
    cell.invocationCount += 1;
    if (row.bounty > 0) cell.bountyCount += 1;
  }

  /** Sums by hotkey as they stood at one of the evaluation times. */
  sumsAt(index: number): Map<string, InvocationSums> {
    const merged = new Map<string, Cell>();
    for (const [key, cells] of this.#cells) {
      const first = Math.floor(key / (this.#timesUs.length + 1));
      const end = key % (this.#timesUs.length + 1);
      if (index < first || index >= end) continue;
      for (const [hotkey, cell] of cells) mergeInto(merged, hotkey, cell);
    }
    return new Map([...merged].map(([hotkey, { chutes, ...sums }]) => [hotkey, withChutes(sums, chutes)]));
  }

  /** The moment from which a row no longer counts: it left the window, or its report was confirmed. */
  #goneFromUs(row: InvocationRow): number {
    const leaves = row.startedAtUs + WINDOW_US;
    return this.#hasReportsAndPrivate ? Math.min(leaves, row.voidFromUs) : leaves;
  }

  #firstAtOrAfter(timeUs: number): number {
    const times = this.#timesUs;
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((times[middle] ?? 0) >= timeUs) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #cellOf(key: number, hotkey: string): Cell {
    if (key !== this.#lastKey) {
      this.#lastCells = this.#cells.get(key) ?? new Map<string, Cell>();
      this.#lastKey = key;
      this.#cells.set(key, this.#lastCells);
    }
    let cell = this.#lastCells.get(hotkey);
    if (cell === undefined) {
      cell = emptyCell(!this.#hasReportsAndPrivate);
      this.#lastCells.set(hotkey, cell);
    }
    return cell;
  }
}

function emptyCell(keepsChutes: boolean): Cell {
  const chutes = keepsChutes ? new Set<string>() : undefined;
  return { computeUnits: 0, invocationCount: 0, bountyCount: 0, uniqueChuteCount: 0, chutes };
}

function mergeInto(merged: Map<string, Cell>, hotkey: string, cell: Cell): void {
  const sum = merged.get(hotkey) ?? emptyCell(cell.chutes !== undefined);
  sum.computeUnits += cell.computeUnits;
  sum.invocationCount += cell.invocationCount;
  sum.bountyCount += cell.bountyCount;
  for (const chuteId of cell.chutes ?? []) sum.chutes?.add(chuteId);
  merged.set(hotkey, sum);
}

function withChutes(sums: InvocationSums, chutes: ReadonlySet<string> | undefined): InvocationSums {
  return { ...sums, uniqueChuteCount: chutes?.size ?? 0 };
}

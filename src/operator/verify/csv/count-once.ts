import type { InvocationRow } from "../../../domain/scoring/invocation-row.js";

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;

/** Decides in which of two files a row that crosses the hour counts, without remembering ids: in the file of its end, or of
 *  its start when it took longer than a day. Where the file of its end is not there, the earlier one counts.
 *  @see protocol 08 §7.4 */
export class CountOnce {
  readonly #hours: ReadonlySet<number>;
  /** Rows taken from the earlier file, by the hour whose file is missing. */
  readonly early = new Map<number, number>();

  /** @param hours full hours since 1970 at the start of the windows whose files are there. */
  constructor(hours: ReadonlySet<number>) {
    this.#hours = hours;
  }

  /** Whether a row counts in the file of this hour; a file of unknown hours counts all its completed rows. */
  counts(row: InvocationRow, fileHour: number | undefined): boolean {
    if (!(row.completedAtUs >= row.startedAtUs)) return false;
    if (fileHour === undefined) return true;
    const startHour = Math.floor(row.startedAtUs / HOUR_US);
    const isLong = row.completedAtUs - row.startedAtUs > DAY_US;
    const home = isLong ? startHour : Math.floor(row.completedAtUs / HOUR_US);
    if (home === fileHour) return true;
    if (startHour !== fileHour || this.#hours.has(home)) return false;
    this.early.set(home, (this.early.get(home) ?? 0) + 1);
    return true;
  }
}

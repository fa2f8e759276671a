import type { InvocationRow } from "./invocation-row.js";
import { durationSeconds } from "./invocation-row.js";
import { medianOf } from "./shares.js";

const FIRST_CAPACITY = 64;
/** 8 bytes each: a quarter of a gibibyte. */
const MOST_VALUES = 2 ** 25;

class Series {
  #values = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  median(): number {
    return medianOf(this.#values.subarray(0, this.#length));
  }
}

/** Usual seconds a step and a token of each chute, over every completed row, also failed and old ones. An exact median
 *  needs the values, so this is the one part of scoring that grows with rows; it stops at a bound.
 *  @see protocol 07 §3.2 step 1 */
export class ChuteMedians {
  readonly #perStep = new Map<string, Series>();
  readonly #perToken = new Map<string, Series>();
  #count = 0;

  /** False once the bound is reached: the medians are then unknown and must not be used. */
  get isComplete(): boolean {
    return this.#count <= MOST_VALUES;
  }

  add(row: InvocationRow): void {
    const seconds = durationSeconds(row);
    if (!(seconds >= 0)) return;
    if (row.steps > 0) this.#push(this.#perStep, row.chuteId, seconds / row.steps);
    if (row.tokens > 0) this.#push(this.#perToken, row.chuteId, seconds / row.tokens);
  }

  /** Seconds that count in `invocations-2025-02`: slow answers are cut to the chute's median, fast ones stay.
   *  Call after the last `add`. @see protocol 07 §3.2 step 3 */
  billableSeconds(): (row: InvocationRow) => number {
    const perStep = medians(this.#perStep);
    const perToken = medians(this.#perToken);
    return (row) => {
      const seconds = durationSeconds(row);
      const steps = row.steps * (perStep.get(row.chuteId) ?? Number.NaN);
      if (row.steps > 0 && seconds > steps) return steps;
      const tokens = row.tokens * (perToken.get(row.chuteId) ?? Number.NaN);
      return row.tokens > 0 && seconds > tokens ? tokens : seconds;
    };
  }

  #push(into: Map<string, Series>, chuteId: string, value: number): void {
    this.#count += 1;
    if (this.#count > MOST_VALUES) return;
    const series = into.get(chuteId) ?? new Series();
    series.push(value);
    into.set(chuteId, series);
  }
}

function medians(series: ReadonlyMap<string, Series>): Map<string, number> {
  return new Map([...series].map(([chuteId, values]) => [chuteId, values.median()]));
}

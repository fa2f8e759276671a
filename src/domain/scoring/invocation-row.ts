/** Numbers of an invocation's metrics that scoring reads; NaN where the row has none. @see protocol 07 §3.1 */
interface InvocationNumbers {
  /** Input tokens. */
  readonly it: number;
  /** Output tokens. */
  readonly ot: number;
  readonly tokens: number;
  readonly steps: number;
  /** Moving average of seconds a step. */
  readonly masps: number;
  /** Moving average of seconds a token. */
  readonly maspt: number;
  /** Normalised compute seconds. */
  readonly nc: number;
}

/** One attempt of an invocation, as flat as it can be: millions of them pass through one reused object. */
export interface InvocationRow extends InvocationNumbers {
  readonly hotkey: string;
  readonly chuteId: string;
  readonly minerUid: number;
  /** Microseconds since 1970, UTC. */
  readonly startedAtUs: number;
  /** Microseconds since 1970, UTC; NaN while the attempt has not ended. */
  readonly completedAtUs: number;
  readonly failed: boolean;
  readonly computeMultiplier: number;
  readonly bounty: number;
  /** The instance is billed by its user (`p` in the metrics). */
  readonly isPrivate: boolean;
  /** When a report against the invocation was confirmed, microseconds; Infinity when none was. */
  readonly voidFromUs: number;
}

/** Cuts a row's seconds by the rule of a profile. */
export type BillableSeconds = (row: InvocationRow) => number;

/** Wall-clock seconds of an attempt. */
export function durationSeconds(row: InvocationRow): number {
  return (row.completedAtUs - row.startedAtUs) / 1_000_000;
}

/** Seconds that count in `invocations-2025-10`. A missing figure is NaN, and no comparison with NaN holds.
 *  @see protocol 07 §3.3 step 3 */
export function billableSeconds202510(row: InvocationRow): number {
  if (row.isPrivate) return 0;
  if (row.nc > 0) return row.nc;
  if (row.steps > 0 && !Number.isNaN(row.masps)) return row.steps * row.masps;
  if (row.it > 0 && row.ot > 0 && !Number.isNaN(row.maspt)) return (row.it + row.ot) * row.maspt;
  return durationSeconds(row);
}

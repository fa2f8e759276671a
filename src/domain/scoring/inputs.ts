/** Length of the window that every profile looks at, in milliseconds. @see protocol 07 §3 */
export const WINDOW_MS = 7 * 24 * 3_600_000;

/** One instance as its audit row tells it. Times after the evaluation time are ignored by the rules, so a later row
 *  of the same instance gives the same score as the row of that moment. @see protocol 08 §2.6 */
export interface InstanceAudit {
  readonly instanceId: string;
  readonly chuteId: string;
  readonly hotkey: string;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly deletedAt: Date | null;
  readonly deletionReason: string | null;
  readonly validTermination: boolean | null;
  /** True when a user pays for the instance itself (`billed_to` is set). */
  readonly isBilled: boolean;
  readonly stopBillingAt: Date | null;
  readonly computeMultiplier: number | null;
  readonly bounty: boolean;
}

/** A stretch of an instance's life with one multiplier; open while `endedAt` is null. @see protocol 07 §3.5 */
export interface ComputeInterval {
  readonly instanceId: string;
  readonly computeMultiplier: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

/** What scoring needs of one registered key. */
export interface MetagraphEntry {
  /** Negative for operator-made rows, which never score. */
  readonly uid: number;
  readonly hotkey: string;
  readonly coldkey: string;
  readonly blacklistReason: string | null;
}

/** Sums over the scored invocation rows of one hotkey inside the window. */
export interface InvocationSums {
  computeUnits: number;
  invocationCount: number;
  bountyCount: number;
  /** Distinct chutes with a scored row; only `invocations-2025-02` uses it. */
  uniqueChuteCount: number;
}

/** The rules' view of one moment. A profile reads only the inputs it is based on. */
export interface ScoringInputs {
  readonly asOf: Date;
  readonly metagraph: readonly MetagraphEntry[];
  readonly instances: readonly InstanceAudit[];
  /** Multiplier intervals by instance id. */
  readonly history: ReadonlyMap<string, readonly ComputeInterval[]>;
  /** Latest GPU count by chute id; unknown chutes count 1. */
  readonly gpuCounts: ReadonlyMap<string, number>;
  readonly invocations: ReadonlyMap<string, Readonly<InvocationSums>>;
  /** Only the best hotkey of a coldkey keeps its score. `invocations-2025-02` has no such rule and ignores it. */
  readonly oneHotkeyPerColdkey: boolean;
  /** Whether billed instances that still run earn in `invocations-2025-10`; the original rule said no. Default true. */
  readonly privateIncludeActive?: boolean;
}

/** Figures before normalisation (names as served by `GET /miner/scores`) and the scores, which sum to at most 1. */
export interface ScoreSheet {
  readonly raw: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly scores: ReadonlyMap<string, number>;
}

/** Intervals by instance, ready for `ScoringInputs.history`. */
export function groupByInstance(history: Iterable<ComputeInterval>): Map<string, ComputeInterval[]> {
  const groups = new Map<string, ComputeInterval[]>();
  for (const interval of history) {
    const group = groups.get(interval.instanceId);
    if (group === undefined) groups.set(interval.instanceId, [interval]);
    else group.push(interval);
  }
  return groups;
}

import { AppError } from "../../kernel/errors.js";

/** What is known when a miner asks to run one more instance of a chute. @see protocol 05 §6.8 */
export interface CapacityInputs {
  /** Instances of any state. */
  readonly total: number;
  /** Instances that are active and verified. */
  readonly active: number;
  /** Instances of the asking miner. */
  readonly mine: number;
  /** How many are wanted; undefined when nothing ever set it. */
  readonly target: number | undefined;
  readonly isPrivate: boolean;
  /** Somebody wanted the chute while it was cold. */
  readonly hasBounty: boolean;
  /** Set while a new version replaces the old: how many the asking miner may still replace; undefined = everybody may. */
  readonly rollingUpdate?: { readonly quotaLeft: number | undefined };
}

export interface CapacityDecision {
  readonly allowed: boolean;
  /** The miner replaces one of its own during a rolling update; its quota must be taken durably. */
  readonly takesQuota: boolean;
}

const REFUSED: CapacityDecision = { allowed: false, takesQuota: false };
const ALLOWED: CapacityDecision = { allowed: true, takesQuota: false };

/** Whether one more instance may start. @see protocol 05 §6.8 (October 2025 rules for public chutes) */
export function decideCapacity(inputs: CapacityInputs): CapacityDecision {
  return inputs.isPrivate ? decidePrivate(inputs) : decidePublic(inputs);
}

/** Refusal that the miner logs as "at capacity". @throws AppError `locked_resource` unless allowed */
export function requireCapacity(decision: CapacityDecision, chuteId: string): void {
  if (!decision.allowed) throw new AppError("locked_resource", `Chute ${chuteId} is at capacity`);
}

/** Whether an instance that has started up may still join those that serve. Without a target nothing holds it back. @see protocol 05 §6.6 */
export function mayActivate(counts: { readonly active: number; readonly target: number | undefined }): boolean {
  return counts.target === undefined || counts.active < Math.max(counts.target, 1);
}

function decidePrivate({ active, target, hasBounty, rollingUpdate }: CapacityInputs): CapacityDecision {
  const isWanted = active === 0 ? hasBounty : target === undefined || target <= 0 || active < target;
  if (isWanted) return ALLOWED;
  // While its instances are replaced a chute is not cold: whoever stopped one may start the next.
  return rollingUpdate?.quotaLeft === undefined ? REFUSED : decideReplacement(rollingUpdate.quotaLeft);
}

function decidePublic(inputs: CapacityInputs): CapacityDecision {
  const { total, active, mine, rollingUpdate } = inputs;
  const target = inputs.target ?? total;
  // The floor: a cold chute can always be started, whatever the autoscaler last said.
  if (active === 0 && total <= target + 2) return ALLOWED;
  if (rollingUpdate !== undefined && total >= target - 2) return decideReplacement(rollingUpdate.quotaLeft);
  if (total >= target) return REFUSED;
  // The last places go to miners that are not running everything already.
  return target - total <= 2 && mine === total ? REFUSED : ALLOWED;
}

function decideReplacement(quotaLeft: number | undefined): CapacityDecision {
  if (quotaLeft === undefined) return ALLOWED;
  return quotaLeft > 0 ? { allowed: true, takesQuota: true } : REFUSED;
}

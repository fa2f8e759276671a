/** Operator's factors. */
export interface MultiplierRules {
  readonly privateMultiplier: number;
  readonly teeMultiplier: number;
}

/** What decides how much a second of a chute is worth. */
export interface MultiplierFacts {
  readonly rules: MultiplierRules;
  /** What its hardware is worth; 0 when no GPU of the table fits any more. @see protocol 03 §6.4 */
  readonly base: number;
  readonly isPrivate: boolean;
  readonly tee: boolean;
  /** Urgency written by the autoscaler; counts within (0, 20]. */
  readonly boost: number | null;
  /** Set by an operator for one chute; what is above 20 counts as 20, what is not positive as 1. */
  readonly manualBoost: number | null;
  /** Factor of the open bounty, where bounties raise the multiplier. @see protocol 03 §11.3 */
  readonly bountyBoost?: number | undefined;
}

/** A multiplier with the factors it is the product of; only those that apply are listed. */
export interface EffectiveMultiplier {
  readonly effective: number;
  readonly factors: Readonly<Record<string, number>>;
}

const HIGHEST_BOOST = 20;

/**
 * What a miner earns per second for an instance that it activates now, relative to one GPU of the dearest kind. Zero only when
 * no GPU of the table fits any more, so that miners leave the chute alone.
 * @see protocol 03 §6.5
 */
export function effectiveMultiplier(facts: MultiplierFacts): EffectiveMultiplier {
  const { rules, base, bountyBoost } = facts;
  const boost = facts.boost ?? 0;
  const manualBoost = manualFactor(facts.manualBoost);
  const factors = {
    base,
    ...(facts.isPrivate && { private: rules.privateMultiplier }),
    ...(boost > 0 && boost <= HIGHEST_BOOST && { urgency_boost: boost }),
    ...(manualBoost !== 1 && { manual_boost: manualBoost }),
    ...(bountyBoost !== undefined && { bounty_boost: bountyBoost }),
    ...(facts.tee && { tee: rules.teeMultiplier }),
  };
  return { effective: Object.values(factors).reduce((product, factor) => product * factor, 1), factors };
}

function manualFactor(boost: number | null): number {
  return boost !== null && boost > 0 ? Math.min(boost, HIGHEST_BOOST) : 1;
}

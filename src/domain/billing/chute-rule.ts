/** Stands for all chutes that have no rule of their own. */
export const ANY_CHUTE = "*";

/** Where a number that may differ by chute is looked up. Keys are chute ids, or `*`. */
export interface RuleSources {
  /** What was set for the user. */
  readonly own: ReadonlyMap<string, number>;
  /** What the operator set for everybody. */
  readonly defaults: ReadonlyMap<string, number>;
  /** When nobody set anything. */
  readonly otherwise: number;
}

/** A number, and whether a rule for that very chute decided it. */
export interface ChuteRule {
  readonly value: number;
  readonly isOfChute: boolean;
}

/** The user's rule for the chute, the user's for all, the operator's for the chute, the operator's for all. @see protocol 01 §9.2 */
export function ruleFor(chuteId: string, { own, defaults, otherwise }: RuleSources): ChuteRule {
  const ofUser = own.get(chuteId);
  if (ofUser !== undefined) return { value: ofUser, isOfChute: true };
  const forAll = own.get(ANY_CHUTE);
  if (forAll !== undefined) return { value: forAll, isOfChute: false };
  const byDefault = defaults.get(chuteId);
  if (byDefault !== undefined) return { value: byDefault, isOfChute: true };
  return { value: defaults.get(ANY_CHUTE) ?? otherwise, isOfChute: false };
}

const START_UNITS = 100;
const UNITS_PER_SECOND = 3;
const CAP_UNITS = 86_400;

const START_BOOST = 1.1;
const END_BOOST = 1.5;
const BOOST_GROWTH_SECONDS = 180 * 60;

/** The operator's rules of bounties. Times in seconds. @see protocol 03 §11 */
export interface BountyRules {
  /** What claims a bounty: an instance that becomes active, or its first completed call. */
  readonly mode: "activation" | "completion";
  /** After a bounty was made or claimed no new one is made for this long (activation mode). */
  readonly cooldownSeconds: number;
  readonly publicLifetimeSeconds: number;
  readonly privateLifetimeSeconds: number;
}

/** Whether a bounty is paid as a factor on the instance's multiplier, rather than as units of one call. @see protocol 03 §11.4 */
export function raisesMultiplier({ mode }: Pick<BountyRules, "mode">): boolean {
  return mode === "activation";
}

/** A chute that somebody wanted while it had no active instance. */
export interface Bounty {
  readonly chuteId: string;
  readonly createdAt: Date;
  /** Compute units at the moment it was read. */
  readonly amount: number;
  /** Factor on the multiplier of whoever serves it, at the moment it was read. */
  readonly boost: number;
  readonly ageSeconds: number;
}

/** Reward in compute units; fractions of a second are dropped. @see protocol 03 §11.2 */
export function bountyAmount(ageSeconds: number): number {
  return Math.min(UNITS_PER_SECOND * Math.floor(ageSeconds) + START_UNITS, CAP_UNITS);
}

/** Factor on the multiplier of the instance that claims it: grows evenly for three hours, then stays. @see protocol 03 §11.3 */
export function bountyBoost(ageSeconds: number): number {
  const grown = Math.min(ageSeconds / BOOST_GROWTH_SECONDS, 1);
  return START_BOOST + (END_BOOST - START_BOOST) * grown;
}

/** What a bounty of that age is worth. A clock that runs behind counts as age 0. */
export function bountyAt(bounty: { readonly chuteId: string; readonly createdAt: Date }, now: Date): Bounty {
  const ageSeconds = Math.max(0, (now.getTime() - bounty.createdAt.getTime()) / 1000);
  return { ...bounty, ageSeconds, amount: bountyAmount(ageSeconds), boost: bountyBoost(ageSeconds) };
}

/** How fast the instances of a chute are replaced. */
export interface RollingUpdatePace {
  /** Seconds over which all of them are. */
  readonly seconds: number;
  /** Longest pause between two, in seconds. */
  readonly maxPauseSeconds: number;
}

/** Scoring looks for these very words. @see protocol 05 §6.7 */
export const OLD_VERSION_REASON = "instance has an old version of the chute";

/** Seconds between two announcements (7 instances of 2700 s, at most 300 → 300; 100 → 27). @see protocol 03 §13 */
export function pauseSeconds(instances: number, { seconds, maxPauseSeconds }: RollingUpdatePace): number {
  return Math.min(Math.max(Math.floor(seconds / instances), 1), maxPauseSeconds);
}

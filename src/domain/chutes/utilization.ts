/** Spans of time over which use is averaged, in seconds. @see protocol 03 §12.1 */
export const WINDOWS = { "5m": 300, "15m": 900, "1h": 3600 } as const;

export type Window = keyof typeof WINDOWS;
const WINDOW_NAMES = Object.keys(WINDOWS) as Window[];

/** What happened to a chute within a window that ends now. */
export interface WindowUse {
  /** Calls answered. */
  readonly completed: number;
  /** Attempts that an instance refused for being full. */
  readonly rateLimited: number;
  /** Seconds that calls took, those parts of them within the window. */
  readonly busySeconds: number;
}

/** Use of a chute in each window. */
export type ChuteUse = Readonly<Record<Window, WindowUse>>;

const NO_USE: WindowUse = { completed: 0, rateLimited: 0, busySeconds: 0 };
export const UNUSED: ChuteUse = { "5m": NO_USE, "15m": NO_USE, "1h": NO_USE };

/** A chute as it stands now. */
export interface ChuteLoad {
  readonly totalInstances: number;
  readonly activeInstances: number;
  /** Requests that one instance takes at once. */
  readonly concurrency: number;
  /** Calls being served right now, all instances together. */
  readonly inFlight: number;
  readonly use: ChuteUse;
}

/** Averages and counts in the form of the wire. Real averages: low concurrency must not look idle or full. @see protocol 03 §9.5, §17.14 */
export function useMembers({ activeInstances, concurrency, inFlight, use }: ChuteLoad): Record<string, number> {
  const slots = activeInstances * concurrency;
  const shareOf = (meanInFlight: number) => (slots === 0 ? 0 : meanInFlight / slots);
  const members: Record<string, number> = { utilization_current: shareOf(inFlight) };
  for (const name of WINDOW_NAMES) {
    const { completed, rateLimited, busySeconds } = use[name];
    const total = completed + rateLimited;
    members[`utilization_${name}`] = shareOf(busySeconds / WINDOWS[name]);
    members[`rate_limit_ratio_${name}`] = total === 0 ? 0 : rateLimited / total;
    members[`total_requests_${name}`] = total;
    members[`completed_requests_${name}`] = completed;
    members[`rate_limited_requests_${name}`] = rateLimited;
  }
  return members;
}

/** What decides how many instances of a chute may run. */
export interface Wanted {
  /** What shared memory holds; undefined when nobody set it. */
  readonly scaleTarget: number | undefined;
  readonly isPrivate: boolean;
  readonly isDisabled: boolean;
  readonly hasBounty: boolean;
  readonly activeInstances: number;
}

/**
 * How many active instances are wanted. While nobody set a target it is what launching admits: a cold chute can be started (a
 * private one when somebody asked for it), a warm one stays as it is.
 * @see protocol 03 §12.2
 */
export function targetCount({ scaleTarget, isPrivate, isDisabled, hasBounty, activeInstances }: Wanted): number {
  if (isDisabled) return 0;
  if (scaleTarget !== undefined) return scaleTarget;
  if (activeInstances > 0) return activeInstances;
  return isPrivate && !hasBounty ? 0 : 1;
}

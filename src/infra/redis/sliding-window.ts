import type { Redis } from "./client.js";
import { defineScript } from "./script.js";

export interface WindowRequest {
  /** One counter, e.g. `redisKeys.rateWindow(…)`. */
  readonly key: string;
  /** Requests allowed within the window. */
  readonly limit: number;
  readonly windowMs: number;
  readonly now: Date;
  /** Tells this request from others of the same millisecond. */
  readonly id: string;
}

export interface WindowVerdict {
  readonly allowed: boolean;
  /** Requests left in the window after this one. */
  readonly remaining: number;
  /** Milliseconds until a request is allowed again; 0 when this one was. */
  readonly retryAfterMs: number;
}

/**
 * A rate limit over the window that ends now. A refused request is not counted, so waiting always helps.
 * @see protocol 04 §3.5
 */
export function slidingWindow(redis: Redis): (request: WindowRequest) => Promise<WindowVerdict> {
  const script = defineScript(redis, "sliding-window", 1);
  return async ({ key, limit, windowMs, now, id }) => {
    const answer = await script([key], [now.getTime(), windowMs, limit, id]);
    const [allowed, remaining, retryAfterMs] = answer as [number, number, number];
    return { allowed: allowed === 1, remaining, retryAfterMs };
  };
}

import type { Config } from "./config/schema.js";
import type { Logger } from "./logger.js";

/** What every entry point gets: plain data, no connections. Functions below services take only the parts they use. */
export interface Context {
  readonly config: Config;
  readonly log: Logger;
  /** The clock. Never call `new Date()` or `Date.now()` for a decision: take `now`. */
  readonly now: () => Date;
  /** Aborted when the process should stop. */
  readonly signal: AbortSignal;
}

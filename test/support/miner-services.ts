import { vi } from "vitest";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Context } from "../../src/kernel/context.js";
import type { Logger } from "../../src/kernel/logger.js";
import { NETUID } from "./miner-builders.js";

export interface ServiceSettings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly log: Logger;
  /** Default: any free one. */
  readonly port?: number | undefined;
}

/** What a socket or events service needs to start. */
export function serviceContext({ databaseUrl, redisUrl, log, port = 0 }: ServiceSettings): Context {
  const overrides = {
    environment: "dev",
    netuid: NETUID,
    postgres: { url: databaseUrl, poolSize: 2 },
    redis: { url: redisUrl },
    listen: { host: "127.0.0.1", socketPort: port, eventsPort: port },
  };
  const { signal } = new AbortController();
  return { config: loadConfig({ env: {}, overrides }), log, now: () => new Date(), signal };
}

/** Waits until the assertion holds. */
export function until(assertion: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(assertion, { timeout: 8000, interval: 20 });
}

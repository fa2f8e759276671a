import type { FastifyReply } from "fastify";
import { stringifyJson } from "../../wire/json.js";
import { ExpiringCache } from "./directory/expiring-cache.js";

interface CachedJsonOptions {
  readonly now: () => Date;
  /** Most answers kept. */
  readonly limit: number;
  readonly ttlMs: number;
  /** The answer to the question with that key. */
  readonly load: (key: string) => Promise<unknown>;
}

/** Keeps whole answers as bytes, so that what thousands ask is written once. */
export function cachedJson(options: CachedJsonOptions): (reply: FastifyReply, key: string) => Promise<void> {
  const cache = new ExpiringCache<Buffer>({
    ...options,
    load: async (key) => Buffer.from(stringifyJson(await options.load(key))),
    negativeTtlMs: 0,
  });
  return async (reply, key) => {
    const bytes = await cache.get(key);
    await reply.type("application/json; charset=utf-8").send(bytes);
  };
}

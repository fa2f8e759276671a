import { newestTaoPrice, type ObservedTaoPrice, saveTaoPrice } from "../../domain/billing/tao-price-repository.js";
import { createHttpClient, type HttpClient } from "../../infra/http-client/client.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import type { Running } from "../../kernel/lifecycle.js";
import type { Logger } from "../../kernel/logger.js";
import { ExpiringCache } from "./directory/expiring-cache.js";

/** What a TAO is worth. */
export interface TaoPrice {
  /** USD per TAO, above zero; undefined when nobody knows. Never throws, and waits for the source for seconds at most. */
  usd(): Promise<number | undefined>;
}

interface Deps {
  readonly config: Pick<Config, "pricing">;
  readonly db: Db;
  readonly redis: Redis;
  readonly log: Logger;
  readonly now: () => Date;
}
type Sourced = Deps & { readonly http: HttpClient };

const BELIEVED_MS = 3_600_000;
const MEMORY_TTL_MS = 30_000;
const SOURCE_TIMEOUT_MS = 3000;
const MOST_ANSWER_BYTES = 64 * 1024;
const MOST_USD = 1_000_000;

/**
 * The operator's fixed price, or else, in this order: shared memory, a stored price of the last hour, the configured source, any
 * stored price.
 * @see protocol 03 §7.4
 */
export function openTaoPrice(deps: Deps): TaoPrice & Running {
  const { taoUsd } = deps.config.pricing;
  if (taoUsd > 0) return { usd: async () => taoUsd, close: async () => undefined };
  const http = createHttpClient({ connectTimeoutMs: SOURCE_TIMEOUT_MS, totalTimeoutMs: SOURCE_TIMEOUT_MS });
  const known = new ExpiringCache<number>({
    load: () => learnedPrice({ ...deps, http }),
    now: deps.now,
    limit: 1,
    ttlMs: MEMORY_TTL_MS,
    negativeTtlMs: MEMORY_TTL_MS,
  });
  return { usd: () => known.get("usd").catch(() => undefined), close: () => http.close() };
}

async function learnedPrice(deps: Sourced): Promise<number | undefined> {
  const shared = plausible(await deps.redis.get(redisKeys.taoPrice).catch(() => null));
  if (shared !== undefined) return shared;
  const stored = await storedPrice(deps);
  const ageMs = stored === undefined ? Number.POSITIVE_INFINITY : deps.now().getTime() - stored.observedAt.getTime();
  const fetched = ageMs < BELIEVED_MS ? undefined : await fetchedPrice(deps);
  const usd = fetched ?? stored?.usd;
  if (usd === undefined) return undefined;
  const seconds = fetched === undefined ? redisTtlSeconds.taoPriceStored : redisTtlSeconds.taoPrice;
  await deps.redis.set(redisKeys.taoPrice, String(usd), "EX", seconds).catch(() => undefined);
  return usd;
}

function storedPrice({ db, log }: Deps): Promise<ObservedTaoPrice | undefined> {
  return newestTaoPrice(db).catch((error: unknown) => {
    log.warn({ err: error }, "stored prices of TAO could not be read");
    return undefined;
  });
}

/** What the source says now, stored for the time when it is silent. */
async function fetchedPrice({ config, db, http, log, now }: Sourced): Promise<number | undefined> {
  const { taoPriceUrl, taoPricePath } = config.pricing;
  if (taoPriceUrl === "") return undefined;
  try {
    const { status, body } = await http.requestJson(taoPriceUrl, { maxBytes: MOST_ANSWER_BYTES });
    const usd = status === 200 ? plausible(memberAt(body, taoPricePath)) : undefined;
    if (usd === undefined)
      throw new AppError("unavailable", `the source of the TAO price answered ${status} without a price`);
    await saveTaoPrice(db, { usd, observedAt: now() }, new URL(taoPriceUrl).host);
    return usd;
  } catch (error) {
    log.warn({ err: error }, "the price of TAO could not be learned");
    return undefined;
  }
}

function memberAt(body: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((node, key) => (Object.hasOwn(Object(node), key) ? Object(node)[key] : undefined), body);
}

/** Sources write numbers as numbers or as text. */
function plausible(value: unknown): number | undefined {
  const usd = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof usd === "number" && usd > 0 && usd <= MOST_USD ? usd : undefined;
}

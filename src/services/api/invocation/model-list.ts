import pLimit from "p-limit";
import { CACHE_DISCOUNT, type TokenPrice, tokenPrice } from "../../../domain/billing/price.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import { publicModelIds } from "../../../domain/invocations/model-repository.js";
import { readWholeAnswer } from "../../../infra/instances/instance-body.js";
import type { InstanceClient } from "../../../infra/instances/instance-client.js";
import { parseJson } from "../../../wire/json.js";
import { hourlyPriceUsd } from "../../../wire/node-selector.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import type { GatewayMemory } from "./gateway-memory.js";

export interface ModelListDeps extends Pick<ApiDeps, "db" | "log" | "now" | "config" | "gpuTable"> {
  readonly directory: Pick<Directory, "chuteById">;
  readonly memory: GatewayMemory;
  readonly instances: InstanceClient;
}

type Json = Record<string, unknown>;

/** How old the list may be; a chute that has just become hot should not stay unlisted for long. */
const LIST_TTL_MS = 30_000;
/** How old what an engine said about itself may be. */
const DETAILS_TTL_MS = 300_000;
/** How soon an engine is asked again that did not answer. */
const NEGATIVE_TTL_MS = 15_000;
const MOST_CHUTES = 1000;
const ASKED_AT_ONCE = 8;
const ASK_TIMEOUT_MS = 5000;
const LIST = "list";
const BODY = Buffer.from('{"json":{},"params":{}}');

/** The body of `GET /v1/models` on the language-model host. @see protocol 04 §12.1 */
export function openModelList(deps: ModelListDeps): () => Promise<{ object: "list"; data: readonly Json[] }> {
  const { now } = deps;
  const limit = pLimit(ASKED_AT_ONCE);
  const details = new ExpiringCache<Json>({
    load: (chuteId) => limit(() => askEngine(deps, chuteId)),
    now,
    limit: MOST_CHUTES,
    ttlMs: DETAILS_TTL_MS,
    negativeTtlMs: NEGATIVE_TTL_MS,
  });
  const list = new ExpiringCache<readonly Json[]>({
    load: async () => {
      const ids = await publicModelIds(deps.db, deps.config.platformUsername, now());
      const entries = await Promise.all(ids.map((chuteId) => entryOf(deps, chuteId, details)));
      return entries.filter((entry) => entry !== undefined);
    },
    now,
    limit: 1,
    ttlMs: LIST_TTL_MS,
    negativeTtlMs: 0,
  });
  return async () => ({ object: "list", data: (await list.get(LIST)) ?? [] });
}

async function entryOf(deps: ModelListDeps, chuteId: string, details: ExpiringCache<Json>): Promise<Json | undefined> {
  const [chute, engine] = await Promise.all([deps.directory.chuteById(chuteId), details.get(chuteId)]);
  if (chute === undefined || engine === undefined) return undefined;
  return { ...engine, id: chute.name, chute_id: chuteId, confidential_compute: chute.tee, ...pricesOf(deps, chute) };
}

/** Prices twice, in the shapes of two generations of clients; USD per million tokens. */
function pricesOf({ gpuTable }: ModelListDeps, chute: Chute): Json {
  const { discount, concurrency, nodeSelector } = chute;
  const price: TokenPrice = tokenPrice({ hourlyUsd: hourlyPriceUsd(gpuTable, nodeSelector), discount, concurrency });
  const cached = Number((price.input * (1 - CACHE_DISCOUNT)).toFixed(6));
  return {
    price: { input: { usd: price.input }, output: { usd: price.output }, input_cache_read: { usd: cached } },
    pricing: { prompt: price.input, completion: price.output, input_cache_read: cached },
  };
}

/** First entry of the engine's own list; undefined when no instance answers. */
async function askEngine({ memory, instances, log, now }: ModelListDeps, chuteId: string): Promise<Json | undefined> {
  const [target] = await memory.instancesOf(chuteId);
  if (target === undefined) return undefined;
  try {
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
    const call = { path: "/get_models", body: BODY, signal, silenceMs: ASK_TIMEOUT_MS, now: now() };
    const answer = await readWholeAnswer(await instances.call(target, call));
    const models = Object(parseJson(answer.bytes)) as { data?: unknown };
    const first: unknown = Array.isArray(models.data) ? models.data[0] : undefined;
    return typeof first === "object" && first !== null ? (first as Json) : undefined;
  } catch (error) {
    log.info({ err: error, chuteId, instanceId: target.instanceId }, "an engine did not say what it serves");
    return undefined;
  }
}

import { type PriceOverride, type TokenPrice, tokenPrice } from "../../../domain/billing/price.js";
import { globalPriceOverrides } from "../../../domain/billing/price-override-repository.js";
import { type ListedModel, listedModels } from "../../../domain/invocations/model-repository.js";
import { stringifyJson } from "../../../wire/json.js";
import { hourlyPriceUsd } from "../../../wire/node-selector.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { modelOverrides } from "./model-overrides.js";

export interface ModelListDeps extends Pick<ApiDeps, "db" | "log" | "now" | "config" | "gpuTable"> {
  /** Without it the list names no amounts of TAO. */
  readonly taoPrice?: ApiDeps["taoPrice"];
}

type Json = Readonly<Record<string, unknown>>;

const LIST_TTL_MS = 300_000;
/** A platform without a model has just been started: the first one should not stay unseen for long. */
const EMPTY_TTL_MS = 5000;
const LIST = "list";

/** Bytes of the answer of `GET /v1/models` on the language-model host. @see protocol 04 §12.1 */
export function openModelList(deps: ModelListDeps): () => Promise<Buffer> {
  const overrides = modelOverrides(deps.config.gateway.modelOverrides);
  const list = new ExpiringCache<Buffer>({
    load: async () => {
      const entries = await modelEntries(deps, overrides);
      return entries.length === 0 ? undefined : bytesOf(entries);
    },
    now: deps.now,
    limit: 1,
    ttlMs: LIST_TTL_MS,
    negativeTtlMs: EMPTY_TTL_MS,
  });
  return async () => (await list.get(LIST)) ?? bytesOf([]);
}

function bytesOf(data: readonly Json[]): Buffer {
  return Buffer.from(stringifyJson({ object: "list", data }));
}

async function modelEntries(deps: ModelListDeps, overrides: ReadonlyMap<string, Json>): Promise<Json[]> {
  const models = await listedModels(deps.db, deps.config.platformUsername);
  const ids = models.map(({ chuteId }) => chuteId);
  const [prices, taoUsd] = await Promise.all([globalPriceOverrides(deps.db, ids), deps.taoPrice?.usd()]);
  return models.flatMap((model) => {
    const { chuteId, name, tee, details } = model;
    const price = priceOf(deps, model, prices.get(chuteId));
    if (price === undefined) return [];
    const known = { ...details, chute_id: chuteId, confidential_compute: tee };
    const override = overrides.get(chuteId) ?? overrides.get(name);
    return [{ ...known, ...override, id: name, ...priceMembers(deps, price, taoUsd) }];
  });
}

/** A model that no GPU of the table can run has no price, and nobody can call it. */
function priceOf(
  { gpuTable, config, log }: ModelListDeps,
  { chuteId, nodeSelector, discount, concurrency }: ListedModel,
  override: PriceOverride | undefined,
): TokenPrice | undefined {
  try {
    const basis = { hourlyUsd: hourlyPriceUsd(gpuTable, nodeSelector), discount, concurrency };
    return tokenPrice(basis, config.pricing, { ...(override && { override }), isOwnOverride: false, discount: 0 });
  } catch (error) {
    log.warn({ err: error, chuteId }, "a model without a price is not listed");
    return undefined;
  }
}

/** Prices twice, in the shapes of two generations of clients; USD per million tokens. */
function priceMembers({ config }: ModelListDeps, { input, output }: TokenPrice, taoUsd: number | undefined): Json {
  const cached = Number((input * (1 - config.pricing.cacheDiscount)).toFixed(6));
  const amount = (usd: number) => ({ usd, ...(taoUsd !== undefined && { tao: usd / taoUsd }) });
  return {
    price: { input: amount(input), output: amount(output), input_cache_read: amount(cached) },
    pricing: { prompt: input, completion: output, input_cache_read: cached },
  };
}

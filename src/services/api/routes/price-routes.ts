import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { usdOf } from "../../../domain/billing/amount.js";
import { deployFeeMicroUsd, selectorFacts } from "../../../domain/chutes/pricing.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";

type Deps = Pick<ApiDeps, "gpuTable" | "taoPrice">;

const PerTime = Type.Object({ hour: Type.Number(), second: Type.Number() });
const PricingObject = Type.Object({
  tao_usd: Type.Number(),
  compute_unit_estimate: Type.Object({ usd: Type.Number(), tao: Type.Number(), description: Type.String() }),
  gpu_price_estimates: Type.Record(Type.String(), Type.Object({ usd: PerTime, tao: PerTime })),
});
const FeeObject = Type.Object({
  usd: Type.Number({ description: "one-time fee of a new chute" }),
  hourly: Type.Object({ min: Type.Number(), max: Type.Number() }),
  supported_gpus: Type.Array(Type.String()),
});

const Names = Type.Optional(Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 100 }));
/** The members of a node selector; GPUs may be repeated or separated by commas. @see protocol 03 §6.1 */
const Selector = Type.Object({
  gpu_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 8 })),
  min_vram_gb_per_gpu: Type.Optional(Type.Integer({ minimum: 16, maximum: 140 })),
  max_hourly_price_per_gpu: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  include: Names,
  exclude: Names,
});

const SECONDS_PER_HOUR = 3600;
const CACHED = "public, max-age=60";

/** What hardware costs. @see protocol 03 §7.4, §17.19 */
export const priceRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, { gpuTable, taoPrice }) => {
  const knownTaoUsd = async (): Promise<number> => {
    const usd = await taoPrice.usd();
    if (usd === undefined) throw new AppError("unavailable", "The price of TAO is not known right now.");
    return usd;
  };

  app.get("/pricing", { schema: { response: { 200: PricingObject } } }, async (_, reply) => {
    const taoUsd = await knownTaoUsd();
    const rates = [...gpuTable].map(([key, { hourly_rate: rate }]) => [key, rate] as const);
    const unitUsd = Math.min(...rates.map(([, rate]) => rate)) / SECONDS_PER_HOUR;
    reply.header("cache-control", CACHED);
    return {
      tao_usd: taoUsd,
      compute_unit_estimate: {
        usd: unitUsd,
        tao: unitUsd / taoUsd,
        description: "One compute unit is one second on the cheapest GPU.",
      },
      gpu_price_estimates: Object.fromEntries(
        rates.map(([key, rate]) => [key, { usd: perTime(rate), tao: perTime(rate / taoUsd) }]),
      ),
    };
  });

  app.get("/fmv", { schema: { response: { 200: Type.Object({ tao: Type.Number() }) } } }, async (_, reply) => {
    const tao = await knownTaoUsd();
    reply.header("cache-control", CACHED);
    return { tao };
  });

  const fee = { schema: { querystring: Selector, response: { 200: FeeObject } } };
  app.get("/chutes/fee_estimate", fee, async (request) => {
    const { include, exclude, ...rest } = request.query;
    const facts = selectorFacts(gpuTable, { ...rest, include: names(include), exclude: names(exclude) });
    if (facts.supportedGpus.length === 0)
      throw new AppError("invalid", "No supported GPU satisfies this node selector.");
    return {
      usd: usdOf(deployFeeMicroUsd(facts)),
      hourly: { min: facts.hourlyUsd, max: facts.dearestHourlyUsd },
      supported_gpus: [...facts.supportedGpus],
    };
  });
};

function names(lists: readonly string[] = []): string[] {
  return lists
    .flatMap((list) => list.split(","))
    .map((name) => name.trim())
    .filter(Boolean);
}

function perTime(hour: number) {
  return { hour, second: hour / SECONDS_PER_HOUR };
}

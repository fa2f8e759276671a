import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { raisesMultiplier } from "../../../domain/bounties/bounty.js";
import { bountiesOf } from "../../../domain/bounties/bounty-store.js";
import { minerChuteRecord } from "../../../domain/instances/miner-chute.js";
import {
  type ChuteUse,
  chuteUse,
  type MinerChuteRow,
  minerChute,
  minerChutes,
  minerImages,
  minerInstances,
  minerNodes,
} from "../../../domain/instances/miner-feed-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { dearestRate } from "../../../wire/gpu-table.js";
import { offsetIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { queryFlag } from "../miners/query-flag.js";
import { type KeyedRecord, sendRecords } from "../miners/record-stream.js";
import { imageRecord, instanceRecord, nodeRecord } from "../miners/wire-rows.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "gpuTable">;

/** Rows of one page: a chute may carry 150 000 characters of source. */
const PAGE_ROWS = 50;
const USE_WINDOW_MS = 3_600_000;
const USE_CACHE_MS = 60_000;
const MINER = { auth: { purpose: "miner", registered: true } } as const;

/** What miners poll to know what to run; every list is a stream of `data:` lines. @see protocol 05 §4 */
export const minerListRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const list = (name: string, page: (request: FastifyRequest, after: string) => Promise<readonly KeyedRecord[]>) => {
    const Query = Type.Object({ explicit_null: Type.Optional(Type.String()) });
    app.get(`/miner/${name}/`, { config: MINER, schema: { querystring: Query } }, (request, reply: FastifyReply) =>
      sendRecords(reply, {
        page: (after) => page(request, after),
        explicitNull: queryFlag(request.query as Record<string, unknown>, "explicit_null"),
      }),
    );
  };
  const { db } = deps;
  const at = (after: string) => ({ after, limit: PAGE_ROWS });
  const use = cachedUse(deps);

  list("chutes", async (_request, after) => chuteRecords(deps, await minerChutes(db, at(after))));
  list("images", async (_request, after) =>
    (await minerImages(db, at(after))).map((row) => ({ key: row.image_id, record: imageRecord(row) })),
  );
  list("nodes", async (request, after) =>
    (await minerNodes(db, callerOf(request), at(after))).map((row) => ({ key: row.uuid, record: nodeRecord(row) })),
  );
  list("instances", async (request, after) =>
    (await minerInstances(db, callerOf(request), at(after))).map((row) => ({
      key: row.instance_id,
      record: instanceRecord(row),
    })),
  );
  // Jobs cannot be created on this platform, so none waits for a miner.
  list("jobs", async () => []);
  list("metrics", async (_request, after) => (after === "" ? ((await use.get("")) ?? []) : []));

  app.get(
    "/miner/chutes/:chute_id/:version",
    { config: MINER, schema: { params: Type.Object({ chute_id: Type.String(), version: Type.String() }) } },
    async (request) => {
      const { chute_id, version } = request.params;
      const row = await minerChute(db, chute_id, version);
      const [found] = row === undefined ? [] : await chuteRecords(deps, [row]);
      if (found === undefined) throw new AppError("not_found", `Chute ${chute_id} version ${version} not found`);
      return found.record;
    },
  );
};

/** Hotkey that signed the request. */
function callerOf(request: FastifyRequest): string {
  return request.principal.hotkey ?? "";
}

async function chuteRecords(deps: Deps, rows: readonly MinerChuteRow[]): Promise<KeyedRecord[]> {
  const { config, redis, now, gpuTable } = deps;
  const ids = rows.map(({ chute_id }) => chute_id);
  const bounties = await bountiesOf(redis, ids, now());
  const { platformUsername, instances: rules } = config;
  const raises = raisesMultiplier(config.bounties);
  return rows.map((row) => {
    const bounty = bounties.get(row.chute_id);
    const bountyBoost = raises ? bounty?.boost : undefined;
    const context = { gpuTable, platformUsername, rules, bounty, bountyBoost };
    return { key: row.chute_id, record: minerChuteRecord(row, context) };
  });
}

/** The aggregate over an hour of calls is the same for every miner. */
function cachedUse({ db, now, gpuTable }: Deps): ExpiringCache<readonly KeyedRecord[]> {
  const load = async () => {
    const end = now();
    const start = new Date(end.getTime() - USE_WINDOW_MS);
    const window = { start_date: offsetIso(start), end_date: offsetIso(end) };
    const rows = await chuteUse(db, start);
    return rows.map((row) => ({ key: row.chute_id, record: { ...window, ...useRecord(row, dearestRate(gpuTable)) } }));
  };
  return new ExpiringCache({ load, now, limit: 1, ttlMs: USE_CACHE_MS, negativeTtlMs: USE_CACHE_MS });
}

function useRecord(row: ChuteUse, basisUsdPerHour: number) {
  const perSecondPriceUsd = (row.compute_multiplier * basisUsdPerHour) / 3600;
  return {
    ...row,
    per_second_price_usd: perSecondPriceUsd,
    total_usage_usd: perSecondPriceUsd * row.total_compute_time,
  };
}

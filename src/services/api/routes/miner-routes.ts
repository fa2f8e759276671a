import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { servingInstances } from "../../../domain/instances/miner-feed-repository.js";
import { listMetagraph } from "../../../domain/metagraph/metagraph-repository.js";
import { publishedScores, scoresOf } from "../../../domain/metagraph/score-snapshot-repository.js";
import { nodesOf, placedGpus } from "../../../domain/nodes/node-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { type MinerStats, minerStats, statsOf } from "../miners/miner-stats.js";
import { queryFlag } from "../miners/query-flag.js";
import { serverRecords } from "../miners/servers.js";
import { isoOrNull } from "../miners/wire-rows.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now">;
type Plugin = FastifyPluginAsyncTypebox<Deps>;

const MINER = { auth: { purpose: "miner", registered: true } } as const;
const HOTKEY = /^[a-zA-Z0-9]{48}$/;
const MAX_GPUS = 10_000;
const MAX_INSTANCES = 100_000;
const STATS_CACHE_MS = 60_000;

const ScoresQuery = Type.Object({ hotkey: Type.Optional(Type.String()) });
const StatsQuery = Type.Object({
  miner_hotkey: Type.Optional(Type.String()),
  per_chute: Type.Optional(Type.String()),
});

/** What miners, dashboards and auditors ask besides the lists. @see protocol 05 §4.4 */
export const minerRoutes: Plugin = async (app, deps) => {
  await app.register(ownRoutes, deps);
  await app.register(publicRoutes, deps);
};

const ownRoutes: Plugin = async (app, { db }) => {
  app.get("/miner/inventory", { config: MINER }, async (request) => {
    const gpus = await placedGpus(db, { minerHotkey: request.principal.hotkey, limit: MAX_GPUS });
    return gpus.map((gpu) => ({
      gpu_id: gpu.uuid,
      last_verified_at: isoOrNull(gpu.lastVerifiedAt),
      verification_error: gpu.verificationError,
      active: gpu.instanceActive ?? false,
      chute_id: gpu.chuteId,
      chute_name: gpu.chuteName,
    }));
  });

  app.get("/miner/active_instances/", { config: MINER }, async () => {
    const rows = await servingInstances(db, MAX_INSTANCES);
    return rows.map((row) => ({ ...row, activated_at: isoOrNull(row.activated_at) }));
  });

  app.get("/miner/servers/", { config: MINER }, async (request) => ({
    servers: serverRecords(await nodesOf(db, request.principal.hotkey ?? "", MAX_GPUS)),
  }));
};

const publicRoutes: Plugin = async (app, { config, db, now }) => {
  app.get("/miner/metagraph", async () => {
    const rows = await listMetagraph(db, config.netuid);
    return rows.map((row) => ({ ...row, synced_at: isoOrNull(row.synced_at) }));
  });

  app.get("/miner/scores", { schema: { querystring: ScoresQuery } }, async (request) => {
    const scores = await publishedScores(db);
    if (scores === undefined) throw new AppError("unavailable", "Waiting for cache to populate.");
    const { hotkey } = request.query;
    return hotkey === undefined ? scores : scoresOf(scores, hotkey);
  });

  const stats = new ExpiringCache<MinerStats>({
    load: (perChute) => minerStats(db, now(), perChute === "true"),
    now,
    limit: 2,
    ttlMs: STATS_CACHE_MS,
    negativeTtlMs: STATS_CACHE_MS,
  });
  app.get("/miner/stats", { schema: { querystring: StatsQuery } }, async (request) => {
    const { miner_hotkey: hotkey } = request.query;
    if (hotkey !== undefined && !HOTKEY.test(hotkey)) throw new AppError("invalid", "Invalid hotkey parameter.");
    const found = await stats.get(String(queryFlag(request.query, "per_chute")));
    return hotkey === undefined || found === undefined ? found : statsOf(found, hotkey);
  });
};

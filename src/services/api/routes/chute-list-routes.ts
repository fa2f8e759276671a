import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { bountiesOf } from "../../../domain/bounties/bounty-store.js";
import {
  type ChuteFilter,
  gpuCountHistory,
  lastUtilization,
  listChuteIds,
  listRollingUpdates,
} from "../../../domain/chutes/chute-list-repository.js";
import { type ChuteView, chuteViews } from "../../../domain/chutes/chute-view-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { queryFlag } from "../miners/query-flag.js";
import { pageOf, pageParameters } from "../page-query.js";
import { chuteObject, cordRefOf, listedCords, rollingUpdateObject } from "./chute-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "gpuTable">;

const PAGE_CAP = 5000;
const HISTORY_LIMIT = 200_000;
const UPDATE_LIMIT = 10_000;
const Text = Type.Optional(Type.String());

const ListQuery = Type.Object({
  ...pageParameters({ lowest: 1, highest: PAGE_CAP }),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: PAGE_CAP })),
  include_public: Text,
  include_shared: Text,
  include_schemas: Text,
  template: Text,
  name: Text,
  exclude: Text,
  image: Text,
  slug: Text,
});

const RollingUpdateObject = Type.Object({
  chute_id: Type.String(),
  old_version: Type.String(),
  new_version: Type.String(),
  started_at: Type.String(),
  permitted: Type.Unknown({ description: "hotkey → instances that it may still start" }),
});
const GpuCountObject = Type.Object({ chute_id: Type.String(), gpu_count: Type.Integer() });

/** Lists over all chutes. @see protocol 03 §9.3, §9.5 to §9.7 */
export const chuteListRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, redis, now } = deps;

  const config = { auth: { purpose: "chutes", anonymous: true } };
  app.get("/chutes/", { config, schema: { querystring: ListQuery } }, async (request) => {
    const { query } = request;
    const { page, limit } = pageOf(query, PAGE_CAP);
    const { total, chuteIds } = await listChuteIds(db, filterOf(request, query));
    const [views, bounties] = await Promise.all([chuteViews(db, chuteIds), bountiesOf(redis, chuteIds, now())]);
    const refs = new Map(views.map((view) => [view, cordRefOf(view)]));
    const items = views.map((view) => ({
      ...chuteObject(deps, view, bounties.get(view.chuteId)),
      cords: null,
      cord_ref_id: refs.get(view),
    }));
    return { total, page, limit, items, cord_refs: cordRefs(refs, queryFlag(query, "include_schemas")) };
  });

  app.get("/chutes/utilization", async (_request, reply) =>
    reply.header("cache-control", "public, max-age=10").send(await lastUtilization(db)),
  );

  app.get("/chutes/rolling_updates", { schema: { response: { 200: Type.Array(RollingUpdateObject) } } }, async () =>
    (await listRollingUpdates(db, UPDATE_LIMIT)).map(rollingUpdateObject),
  );

  app.get("/chutes/gpu_count_history", { schema: { response: { 200: Type.Array(GpuCountObject) } } }, async () =>
    (await gpuCountHistory(db, HISTORY_LIMIT)).map(({ chuteId, gpuCount }) => ({
      chute_id: chuteId,
      gpu_count: gpuCount,
    })),
  );
};

function filterOf(request: FastifyRequest, query: Static<typeof ListQuery>): ChuteFilter {
  const { limit, offset: pageOffset } = pageOf(query, PAGE_CAP);
  const offset = query.offset ?? 0;
  if (pageOffset > 0 && offset > 0) throw new AppError("invalid", "Give either page or offset, not both.");
  return {
    userId: request.principal.account?.userId ?? null,
    includePublic: queryFlag(query, "include_public"),
    includeShared: queryFlag(query, "include_shared"),
    template: query.template ?? "",
    name: query.name ?? "",
    exclude: query.exclude ?? "",
    image: query.image ?? "",
    slug: query.slug ?? "",
    offset: pageOffset + offset,
    limit,
  };
}

function cordRefs(refs: ReadonlyMap<ChuteView, string>, includeSchemas: boolean) {
  return Object.fromEntries([...refs].map(([view, ref]) => [ref, listedCords(view, includeSchemas)]));
}

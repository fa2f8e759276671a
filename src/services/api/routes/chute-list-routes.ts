import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { type ChuteFilter, gpuCountHistory, listRollingUpdates } from "../../../domain/chutes/chute-list-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { Directory } from "../directory/directory.js";
import { queryFlag } from "../miners/query-flag.js";
import { pageOf, pageParameters } from "../page-query.js";
import { buildChuteList } from "./chute-list-build.js";
import { ChuteListCache } from "./chute-list-cache.js";
import { rollingUpdateObject } from "./chute-objects.js";
import { ChuteListObject } from "./chute-objects-schema.js";
import type { ReadChuteDeps } from "./chute-read.js";

type Deps = ReadChuteDeps & { readonly directory: Pick<Directory, "onChange"> };

const CACHE_BUDGET_BYTES = 64 * 1024 * 1024;
const PAGE_CAP = 5000;
const HISTORY_LIMIT = 200_000;
const UPDATE_LIMIT = 10_000;
/** Longer than any name; it is part of a cache's key. */
const Text = Type.Optional(Type.String({ maxLength: 256 }));

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

/** Lists over all chutes. @see protocol 03 §9.3, §9.6, §9.7 */
export const chuteListRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now, directory } = deps;
  const lists = new ChuteListCache({ now, budgetBytes: CACHE_BUDGET_BYTES });
  app.addHook("onClose", async () => stopListening());
  const stopListening = directory.onChange(lists.forget);

  const config = { auth: { purpose: "chutes", anonymous: true } };
  const schema = { querystring: ListQuery, response: { 200: ChuteListObject } };
  app.get("/chutes/", { config, schema }, async (request, reply) => {
    const asked = {
      filter: filterOf(request, request.query),
      page: request.query.page ?? 0,
      includeSchemas: queryFlag(request.query, "include_schemas"),
    };
    const bytes = await lists.get(JSON.stringify(asked), () => buildChuteList(deps, asked));
    // The schema above describes these bytes; they are not made again from an object for each caller.
    return reply.type("application/json; charset=utf-8").send(bytes as never);
  });

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
  const userId = request.principal.account?.userId ?? null;
  const [includePublic, includeShared] = [queryFlag(query, "include_public"), queryFlag(query, "include_shared")];
  return {
    userId,
    // What anonymous callers see does not depend on either.
    includePublic: userId !== null && includePublic,
    includeShared: userId !== null && includeShared,
    template: query.template ?? "",
    name: (query.name ?? "").toLowerCase(),
    exclude: (query.exclude ?? "").toLowerCase(),
    image: (query.image ?? "").toLowerCase(),
    slug: (query.slug ?? "").toLowerCase(),
    offset: pageOffset + offset,
    limit,
  };
}

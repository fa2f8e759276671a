import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { boostedChutes } from "../../../domain/chutes/boost-repository.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import { sourceOf } from "../../../domain/chutes/chute-view-repository.js";
import type { Directory } from "../directory/directory.js";
import { restOfPath } from "../rest-of-path.js";
import { chuteNotFound, MASKED_NAME, visibleChuteId } from "../visible-chute.js";
import { chuteListRoutes } from "./chute-list-routes.js";
import { ChuteObject } from "./chute-objects-schema.js";
import { type ReadChuteDeps, shownChute } from "./chute-read.js";
import { hfInfoRoutes } from "./hf-info-routes.js";
import { utilizationRoutes } from "./utilization-routes.js";

type ChuteRouteDeps = ReadChuteDeps & { readonly directory: Pick<Directory, "onChange"> };
type Plugin = FastifyPluginAsyncTypebox<ChuteRouteDeps>;

const MOST_BOOSTED = 5000;
const NullableNumber = Type.Union([Type.Number(), Type.Null()]);
const BoostedObject = Type.Object({
  chute_id: Type.String(),
  name: Type.String(),
  boost: NullableNumber,
  manual_boost: NullableNumber,
});

const CHUTES = { purpose: "chutes", scopeParam: "*" } as const;

/** Chutes: read, and what miners and auditors read of all of them. @see protocol 03 §9 */
export const chuteRoutes: Plugin = async (app, deps) => {
  await app.register(chuteListRoutes, deps);
  await app.register(utilizationRoutes, deps);
  await app.register(boostRoutes, deps);
  await app.register(hfInfoRoutes, deps);
  await app.register(readRoutes, deps);
};

const boostRoutes: Plugin = async (app, { db, config }) => {
  app.get("/chutes/boosted", { schema: { response: { 200: Type.Array(BoostedObject) } } }, async () =>
    (await boostedChutes(db, MOST_BOOSTED)).map((chute) => ({
      chute_id: chute.chuteId,
      name: isPrivate(chute, config.platformUsername) ? MASKED_NAME : chute.name,
      boost: chute.boost,
      manual_boost: chute.manualBoost,
    })),
  );
};

/** Names contain slashes, so these routes take the whole rest of the path; fixed paths win over them. */
const readRoutes: Plugin = async (app, deps) => {
  const OPTIONAL = { auth: { ...CHUTES, anonymous: true } };

  const Source = Type.String({ description: "source text" });
  app.get("/chutes/code/*", { config: OPTIONAL, schema: { response: { 200: Source } } }, async (request, reply) => {
    const chuteId = await visibleChuteId(deps, request, restOfPath(request));
    const code = await sourceOf(deps.db, chuteId);
    if (code === undefined) throw chuteNotFound();
    return reply.type("text/plain; charset=utf-8").send(code);
  });

  app.get("/chutes/*", { config: OPTIONAL, schema: { response: { 200: ChuteObject } } }, async (request) =>
    shownChute(deps, await visibleChuteId(deps, request, restOfPath(request))),
  );
};

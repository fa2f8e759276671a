import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { modelRepoOf } from "../../../domain/chutes/chute-model.js";
import { chuteSource } from "../../../domain/chutes/chute-view-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { openModelCards } from "../model-cards.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now">;

const TTL_MS = 300_000;
const NEGATIVE_TTL_MS = 10_000;
const MOST_CHUTES = 5000;

const ModelObject = Type.Object({
  repo_id: Type.String({ description: "org/model on the model hub" }),
  revision: Type.String({ description: "commit, 40 hex digits" }),
});

/** Which model a miner should have on its disks before it runs a chute. @see protocol 03 §9.8 */
export const hfInfoRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now } = deps;
  const cards = openModelCards(deps);
  app.addHook("onClose", () => cards.close());
  const models = new ExpiringCache<{ repo_id: string; revision: string }>({
    load: async (chuteId) => {
      const chute = await chuteSource(db, chuteId);
      const repo = chute && modelRepoOf(chute);
      if (repo === undefined) return undefined;
      // A chute that pins no revision takes what the hub has when it starts.
      const revision = chute?.revision ?? (await cards.mainRevision(repo));
      return revision === undefined ? undefined : { repo_id: repo, revision: revision.toLowerCase() };
    },
    now,
    limit: MOST_CHUTES,
    ttlMs: TTL_MS,
    negativeTtlMs: NEGATIVE_TTL_MS,
  });

  app.get(
    "/chutes/:chute_id(^[0-9a-fA-F-]{36}$)/hf_info",
    {
      config: { auth: { purpose: "cache", registered: true } },
      schema: { params: Type.Object({ chute_id: Type.String() }), response: { 200: ModelObject } },
    },
    async (request) => {
      const chuteId = request.params.chute_id.toLowerCase();
      const model = await models.get(chuteId);
      if (model === undefined) throw new AppError("not_found", `Chute ${chuteId} has no model`);
      return model;
    },
  );
};

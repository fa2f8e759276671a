import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { bountyOf, dropBounty } from "../../../domain/bounties/bounty-store.js";
import { findChuteId, type Viewer } from "../../../domain/chutes/chute-name-repository.js";
import { chuteView, sourceOf } from "../../../domain/chutes/chute-view-repository.js";
import { type DeployDeps, deleteChute, deployChute } from "../../../domain/chutes/deploy.js";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "../../../domain/billing/ledger-repository.js";
import { deleteInstancesIn } from "../../../domain/instances/instance-deletion-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { queryFlag } from "../miners/query-flag.js";
import { accountOf } from "../principal.js";
import { DeployBody, toDeployRequest } from "./chute-deploy-body.js";
import { chuteListRoutes } from "./chute-list-routes.js";
import { chuteObject } from "./chute-objects.js";

export type ChuteRouteDeps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "gpuTable"> & {
  readonly directory: Directory;
};
type Plugin = FastifyPluginAsyncTypebox<ChuteRouteDeps>;

const IdOrName = Type.Object({ "*": Type.String() });
const CHUTES = { purpose: "chutes", scopeParam: "*" } as const;

/** Chutes: deploy, read, delete, and what miners and auditors read of all of them. @see protocol 03 §5, §9, §10 */
export const chuteRoutes: Plugin = async (app, deps) => {
  await app.register(deployRoutes, deps);
  await app.register(chuteListRoutes, deps);
  await app.register(readRoutes, deps);
};

const deployRoutes: Plugin = async (app, deps) => {
  const { db, redis, directory } = deps;

  const DeployQuery = Type.Object({ accept_fee: Type.Optional(Type.String()) });
  app.post("/chutes/", { config: { auth: {} }, schema: { querystring: DeployQuery } }, async (request) => {
    const account = accountOf(request);
    const deploy = {
      request: toDeployRequest(checkedBody(request, DeployBody), deps.gpuTable),
      acceptFee: queryFlag(request.query, "accept_fee"),
    };
    const chuteId = await deployChute(deployDeps(deps), account, deploy);
    directory.drop({ kind: "chute", id: chuteId });
    directory.drop({ kind: "account", id: account.userId });
    await dropBounty(redis, chuteId);
    return shown(deps, chuteId);
  });

  app.delete("/chutes/*", { config: { auth: CHUTES }, schema: { params: IdOrName } }, async (request) => {
    const { userId } = accountOf(request);
    const chuteId = await visible(deps, request, request.params["*"]);
    const chute = await chuteView(db, chuteId);
    if (chute?.userId !== userId) throw chuteNotFound();
    await deleteChute(deployDeps(deps), chuteId);
    directory.drop({ kind: "chute", id: chuteId });
    await dropBounty(redis, chuteId);
    return { chute_id: chuteId, deleted: true };
  });
};

import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "../../../domain/billing/ledger-repository.js";
import { bountyOf, dropBounty } from "../../../domain/bounties/bounty-store.js";
import { chuteById, chuteIdOf } from "../../../domain/chutes/chute-repository.js";
import { forgetChute } from "../../../domain/chutes/chute-store.js";
import { chuteView, sourceOf } from "../../../domain/chutes/chute-view-repository.js";
import { type DeployDeps, deleteChute, deployChute } from "../../../domain/chutes/deploy.js";
import { deleteInstancesIn } from "../../../domain/instances/instance-deletion-repository.js";
import { isUuid } from "../../../wire/ids.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { queryFlag } from "../miners/query-flag.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { chuteNotFound, visibleChuteId } from "../visible-chute.js";
import { DeployBody, toDeployRequest } from "./chute-deploy-body.js";
import { chuteListRoutes } from "./chute-list-routes.js";
import { chuteObject } from "./chute-objects.js";

type ChuteRouteDeps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "gpuTable"> & {
  readonly directory: Directory;
};
type Plugin = FastifyPluginAsyncTypebox<ChuteRouteDeps>;

const CHUTES = { purpose: "chutes", scopeParam: "*" } as const;

/** Chutes: deploy, read, delete, and what miners and auditors read of all of them. @see protocol 03 §5, §9, §10 */
export const chuteRoutes: Plugin = async (app, deps) => {
  await app.register(deployRoutes, deps);
  await app.register(chuteListRoutes, deps);
  await app.register(readRoutes, deps);
};

const deployRoutes: Plugin = async (app, deps) => {
  const { redis, directory } = deps;

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

  const Deleted = Type.Object({ chute_id: Type.String(), deleted: Type.Literal(true) });
  app.delete("/chutes/*", { config: { auth: CHUTES }, schema: { response: { 200: Deleted } } }, async (request) => {
    const chuteId = await ownChuteId(deps.db, accountOf(request).userId, restOfPath(request));
    await deleteChute(deployDeps(deps), chuteId);
    directory.drop({ kind: "chute", id: chuteId });
    await Promise.all([dropBounty(redis, chuteId), forgetChute(redis, chuteId)]);
    return { chute_id: chuteId, deleted: true as const };
  });
};

/** Names contain slashes, so these routes take the whole rest of the path; fixed paths win over them. */
const readRoutes: Plugin = async (app, deps) => {
  const OPTIONAL = { auth: { ...CHUTES, anonymous: true } };

  app.get("/chutes/code/*", { config: OPTIONAL }, async (request, reply) => {
    const chuteId = await visibleChuteId(deps, request, restOfPath(request));
    const code = await sourceOf(deps.db, chuteId);
    if (code === undefined) throw chuteNotFound();
    return reply.type("text/plain; charset=utf-8").send(code);
  });

  app.get("/chutes/*", { config: OPTIONAL }, async (request) =>
    shown(deps, await visibleChuteId(deps, request, restOfPath(request))),
  );
};

async function shown(deps: ChuteRouteDeps, chuteId: string) {
  const [view, bounty] = await Promise.all([chuteView(deps.db, chuteId), bountyOf(deps.redis, chuteId, deps.now())]);
  if (view === undefined) throw chuteNotFound();
  return chuteObject(deps, view, bounty);
}

/** Only among the caller's own, by id or by name in any case. @see protocol 03 §10.2 */
async function ownChuteId(db: ChuteRouteDeps["db"], userId: string, idOrName: string): Promise<string> {
  if (!isUuid(idOrName)) return (await chuteIdOf(db, { userId, name: idOrName })) ?? refuse();
  const chute = await chuteById(db, idOrName.toLowerCase());
  return chute?.userId === userId ? chute.chuteId : refuse();
}

function refuse(): never {
  throw chuteNotFound();
}

function deployDeps({ db, gpuTable, config, now: clock }: ChuteRouteDeps): DeployDeps {
  const now = clock();
  return {
    db,
    gpuTable,
    platformUsername: config.platformUsername,
    now,
    deleteInstances: (tx, instanceIds, reason) =>
      deleteInstancesIn(tx, { instanceIds, reason, now, validTermination: true }),
    chargeFee: (tx, { userId, chuteId, amountMicroUsd }) =>
      postTransfer(tx, {
        from: userAccount(userId),
        to: PLATFORM_ACCOUNT.fees,
        amountMicroUsd,
        reason: `deployment fee of chute ${chuteId}`,
        idempotencyKey: `deploy-fee:${chuteId}:${now.getTime()}`,
        now,
      }),
  };
}

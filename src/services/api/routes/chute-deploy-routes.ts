import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Account } from "../../../domain/accounts/account.js";
import { usdOf } from "../../../domain/billing/amount.js";
import { dropBounty } from "../../../domain/bounties/bounty-store.js";
import { deployChute } from "../../../domain/chutes/deploy.js";
import type { DeployRequest } from "../../../domain/chutes/deploy-request.js";
import { UnpaidDeploy } from "../../../domain/chutes/deploy-rules.js";
import { checkedBody } from "../checked-body.js";
import { grantDeveloperRole } from "../developer-role.js";
import { queryFlag } from "../miners/query-flag.js";
import { accountOf } from "../principal.js";
import { afterCommit, type ChangeChuteDeps, deployDeps } from "./chute-change-deps.js";
import { DeployBody, toDeployRequest } from "./chute-deploy-body.js";
import { ChuteObject } from "./chute-objects-schema.js";
import { shownChute } from "./chute-read.js";

export const DeployQuery = Type.Object({ accept_fee: Type.Optional(Type.String()) });

/** The refusal of a deploy that was not paid for, with its fee for programs. @see protocol 03 §17.19 */
const Unpaid = Type.Object({
  detail: Type.Unknown({ description: "sentence for people" }),
  fee: Type.Optional(Type.Object({ usd: Type.Number() })),
});

export const DeployAnswers = { 200: ChuteObject, 402: Unpaid };

/** Deploying a chute or a new version of one. @see protocol 03 §5 */
export const chuteDeployRoutes: FastifyPluginAsyncTypebox<ChangeChuteDeps> = async (app, deps) => {
  const schema = { querystring: DeployQuery, body: DeployBody, response: DeployAnswers };

  app.post("/chutes/", { config: { auth: {} }, schema }, async (request, reply) => {
    const deploy = {
      request: toDeployRequest(checkedBody(request, DeployBody), deps.gpuTable),
      acceptFee: queryFlag(request.query, "accept_fee"),
    };
    const chute = await deployed(deps, accountOf(request), deploy);
    return chute instanceof UnpaidDeploy ? reply.code(402).send(unpaid(chute)) : chute;
  });
};

/** Deploys and reads back. @returns the refusal when it was not paid for */
export async function deployed(
  deps: ChangeChuteDeps,
  account: Account,
  deploy: { readonly request: DeployRequest; readonly acceptFee: boolean },
) {
  if (deps.config.deploy.requireDeveloperRole) await grantDeveloperRole(deps, account);
  try {
    const chuteId = await deployChute(deployDeps(deps), account, deploy);
    deps.directory.drop({ kind: "chute", id: chuteId });
    deps.directory.drop({ kind: "account", id: account.userId });
    await afterCommit(deps, chuteId, dropBounty(deps.redis, chuteId));
    return await shownChute(deps, chuteId);
  } catch (error) {
    if (error instanceof UnpaidDeploy) return error;
    throw error;
  }
}

/** The answer to a deploy that was not paid for. */
export function unpaid({ detail, feeMicroUsd }: UnpaidDeploy) {
  return { detail, fee: { usd: usdOf(feeMicroUsd) } };
}

import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { launchState } from "../../../domain/instances/launch-state.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import { activateLaunch } from "../launch/activate.js";
import { claimLaunch } from "../launch/claim.js";
import { issueLaunch } from "../launch/issue.js";
import { ClaimBody, VerifyBody } from "../launch/launch-bodies.js";
import type { LaunchDeps } from "../launch/launch-deps.js";
import { authorizedLaunch } from "../launch/launch-token.js";
import { verifyLaunch } from "../launch/verify.js";

const Params = Type.Object({ config_id: Type.String() });
const LAUNCH = "/instances/launch_config/:config_id";
/** Newer containers append the kind of their GPU proof; the operation is the same. @see protocol 05 §6.0 */
const CLAIM_PATHS = [LAUNCH, `${LAUNCH}/graval`] as const;

/** From a miner's wish to run a chute to a serving instance. Containers prove themselves with their launch token. @see protocol 05 §6 */
export const launchRoutes: FastifyPluginAsyncTypebox<LaunchDeps> = async (app, deps) => {
  const Query = Type.Object({
    chute_id: Type.String(),
    job_id: Type.Optional(Type.String()),
    server_id: Type.Optional(Type.String()),
  });
  app.get(
    "/instances/launch_config",
    { config: { auth: { purpose: "launch", registered: true } }, schema: { querystring: Query } },
    async (request) => {
      const { chute_id, job_id } = request.query;
      const { miner } = request.principal;
      if (miner === undefined) throw new AppError("not_found", "Your hotkey is not in the metagraph");
      // Jobs cannot be created on this platform, so none has this id.
      if (job_id !== undefined && job_id !== "") throw new AppError("not_found", `Job ${job_id} not found`);
      return issueLaunch(deps, miner, chute_id);
    },
  );

  app.get(`${LAUNCH}/nonce`, { schema: { params: Params } }, async (request, reply) => {
    const launch = await authorizedLaunch(deps, request, request.params.config_id);
    const isOpen = launchState(launch) === "issued";
    if (launch.nonce === null || !isOpen) throw new AppError("not_found", "This launch config has no nonce to give");
    return reply.type("text/plain; charset=utf-8").send(launch.nonce);
  });

  for (const path of CLAIM_PATHS) {
    app.post(path, { schema: { params: Params } }, async (request) => {
      const launch = await authorizedLaunch(deps, request, request.params.config_id);
      return claimLaunch(deps, launch, checkedBody(request, ClaimBody));
    });
    app.put(path, { schema: { params: Params } }, async (request) => {
      const launch = await authorizedLaunch(deps, request, request.params.config_id);
      return verifyLaunch(deps, launch, checkedBody(request, VerifyBody));
    });
  }

  app.get(`${LAUNCH}/activate`, { schema: { params: Params } }, async (request) =>
    activateLaunch(deps, await authorizedLaunch(deps, request, request.params.config_id)),
  );
};

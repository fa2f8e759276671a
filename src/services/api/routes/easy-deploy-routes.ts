import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import { UnpaidDeploy } from "../../../domain/chutes/deploy-rules.js";
import { newestPlatformImage } from "../../../domain/models/easy-image-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import { queryFlag } from "../miners/query-flag.js";
import { openModelCards } from "../model-cards.js";
import { accountOf } from "../principal.js";
import type { ChangeChuteDeps } from "./chute-change-deps.js";
import { type DeployBody, toDeployRequest } from "./chute-deploy-body.js";
import { DeployAnswers, DeployQuery, deployed, unpaid } from "./chute-deploy-routes.js";
import { DiffusionBody, TeiBody, VllmBody } from "./easy-deploy-bodies.js";
import { diffusionDeploy, type EasyTarget, teiDeploy, vllmDeploy } from "./easy-deploy-build.js";

interface Template<Schema extends TSchema> {
  /** Also the name of its image. */
  readonly name: "vllm" | "diffusion" | "tei";
  readonly schema: Schema;
  readonly build: (body: Static<Schema>, target: EasyTarget) => Promise<Static<typeof DeployBody>>;
}

/** Deploying a model by its name, where the operator allows it: the source is generated. @see protocol 03 §10.4 */
export const easyDeployRoutes: FastifyPluginAsyncTypebox<ChangeChuteDeps> = async (app, deps) => {
  const { config, db, gpuTable } = deps;
  const { platformUsername } = config;
  const models = openModelCards(deps);
  app.addHook("onClose", () => models.close());

  const easily =
    <Schema extends TSchema>({ name, schema, build }: Template<Schema>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const account = accountOf(request);
      if (!config.deploy.easyDeploy) throw new AppError("forbidden", "This platform deploys sources only.");
      const body = checkedBody(request, schema);
      const image = await newestPlatformImage(db, { platformUsername, name });
      if (image === undefined) throw new AppError("invalid", `The platform has no image ${name} yet.`);
      const wire = await build(body, { username: account.username, image, models, gpuTable });
      const acceptFee = queryFlag(request.query as Static<typeof DeployQuery>, "accept_fee");
      const chute = await deployed(deps, account, { request: toDeployRequest(wire, gpuTable), acceptFee });
      return chute instanceof UnpaidDeploy ? reply.code(402).send(unpaid(chute)) : chute;
    };

  const options = <Schema extends TSchema>(body: Schema) => ({
    config: { auth: {} },
    schema: { querystring: DeployQuery, body, response: DeployAnswers },
  });
  app.post("/chutes/vllm", options(VllmBody), easily({ name: "vllm", schema: VllmBody, build: vllmDeploy }));
  app.post(
    "/chutes/diffusion",
    options(DiffusionBody),
    easily({ name: "diffusion", schema: DiffusionBody, build: diffusionDeploy }),
  );
  app.post("/chutes/tei", options(TeiBody), easily({ name: "tei", schema: TeiBody, build: teiDeploy }));
};

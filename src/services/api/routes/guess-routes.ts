import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { guessVllmConfig } from "../../../domain/models/vllm-guess.js";
import { MODEL_NAME } from "../../../infra/model-hub/model-source.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { openModelCards } from "../model-cards.js";

const GuessQuery = Type.Object({ model: Type.String({ pattern: MODEL_NAME, maxLength: 200 }) });
const Guess = Type.Object({
  total_model_size: Type.Integer({ description: "GiB of weights" }),
  required_gpus: Type.Integer(),
  min_vram_per_gpu: Type.Number({ description: "GB" }),
  model_type: Type.String(),
  quantization: Type.String(),
  num_attention_heads: Type.Integer(),
  num_key_value_heads: Type.Integer(),
  hidden_size: Type.Integer(),
  num_layers: Type.Integer(),
});

/** Which hardware a language model needs. @see protocol 03 §10.5 */
export const guessRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "config" | "now" | "gpuTable">> = async (
  app,
  deps,
) => {
  const models = openModelCards(deps);
  app.addHook("onClose", () => models.close());

  const schema = { querystring: GuessQuery, response: { 200: Guess } };
  app.get("/guess/vllm_config", { schema }, async (request) => {
    const { model } = request.query;
    const card = await models.card(model);
    if (card === undefined || card === "gated") throw new AppError("not_found", `Model ${model} was not found.`);
    return guessVllmConfig(deps.gpuTable, card);
  });
};

import { AppError, HTTP_STATUS } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import { stringifyJson } from "../../wire/json.js";
import { embed } from "./echo-embeddings.js";
import { type Answer, CHAT, COMPLETION, type Dialect, streamAnswer, wholeAnswer } from "./echo-generation.js";
import { type EchoPlan, MAX_TOKENS, planChat, planCompletion } from "./echo-prompt.js";
import { type Engine, type EngineReply, type EngineRequest, errorReply, jsonReply } from "./engine.js";
import { echoFunction } from "./function-echo.js";
import { operationOf } from "./operations.js";

const ID_DIGITS = 24;

export interface EchoOptions {
  /** Name the engine serves: the chute's. */
  readonly model: string;
  /** Words a second of one answer; as fast as possible when absent. */
  readonly tokensPerSecond?: number | undefined;
  readonly now: () => Date;
}

/**
 * An OpenAI-compatible engine that runs in the process and needs no weights: the answer to a prompt is its own words, so the same
 * request always gets the same tokens. One word is one token. Functions that are not OpenAI's are echoed (`echoFunction`).
 */
export function createEchoEngine(options: EchoOptions): Engine {
  return {
    async handle(request) {
      try {
        return await answer(options, request);
      } catch (error) {
        if (error instanceof AppError) return errorReply(HTTP_STATUS[error.kind], error.message);
        throw error;
      }
    },
  };
}

async function answer(options: EchoOptions, request: EngineRequest): Promise<EngineReply> {
  const operation = operationOf(request.cord);
  switch (operation) {
    case "chat":
      return generate(options, request, { dialect: CHAT, plan: planChat });
    case "completion":
      return generate(options, request, { dialect: COMPLETION, plan: planCompletion });
    case "embeddings":
      return embed(request.body, options.model);
    case "models":
      return models(options);
    case undefined:
      if (!request.cord.passthrough) return echoFunction(request);
      return errorReply(404, `the echo engine has no ${request.cord.public_api_path ?? request.cord.path}`);
  }
}

interface Generator {
  readonly dialect: Dialect;
  plan(body: unknown): EchoPlan;
}

async function generate(options: EchoOptions, request: EngineRequest, generator: Generator): Promise<EngineReply> {
  const plan = generator.plan(request.body);
  const asked: unknown = Reflect.get(Object(request.body), "model");
  if (asked !== undefined && asked !== options.model)
    return errorReply(404, `the model \`${String(asked)}\` does not exist`);
  const context: Answer = {
    dialect: generator.dialect,
    id: generator.dialect.idPrefix + sha256Hex(stringifyJson(request.body)).slice(0, ID_DIGITS),
    created: Math.floor(options.now().getTime() / 1000),
    model: options.model,
    tokensPerSecond: options.tokensPerSecond,
    signal: request.signal,
  };
  return request.cord.stream || plan.isStream ? streamAnswer(plan, context) : wholeAnswer(plan, context);
}

function models({ model, now }: EchoOptions): EngineReply {
  const created = Math.floor(now().getTime() / 1000);
  const entry = { id: model, object: "model", created, owned_by: "echo", root: model, parent: null };
  return jsonReply({ object: "list", data: [{ ...entry, max_model_len: MAX_TOKENS }] });
}

import { Type } from "typebox";
import { MODEL_NAME } from "../../../infra/model-hub/model-source.js";
import { nullable } from "../nullable.js";
import { SelectorBody } from "./chute-deploy-body.js";

const Model = Type.String({ pattern: MODEL_NAME, maxLength: 127 });
const Revision = nullable(Type.String({ pattern: "^[a-fA-F0-9]{40}$" }));

const Common = {
  logo_id: nullable(Type.String()),
  tagline: nullable(Type.String({ maxLength: 1024 })),
  tool_description: nullable(Type.String({ maxLength: 16_384 })),
  readme: nullable(Type.String({ maxLength: 16_384 })),
  public: nullable(Type.Boolean()),
  node_selector: Type.Optional(SelectorBody),
};

const EngineArgs = Type.Object({
  // It becomes part of a command line.
  tokenizer: nullable(Type.String({ pattern: MODEL_NAME, maxLength: 200 })),
  max_model_len: nullable(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
  enforce_eager: nullable(Type.Boolean()),
  trust_remote_code: nullable(Type.Boolean()),
});

/** @see protocol 03 §10.4 */
export const VllmBody = Type.Object({
  ...Common,
  model: Model,
  revision: Revision,
  engine_args: Type.Optional(EngineArgs),
  concurrency: nullable(Type.Integer({ minimum: 1, maximum: 256 })),
});

/** @see protocol 03 §10.4 */
export const DiffusionBody = Type.Object({
  ...Common,
  model: Type.String({
    pattern: "^(?:https://civitai\\.com/models/\\d+(?:[/?][A-Za-z0-9_./?=&%-]*)?|[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)$",
    maxLength: 500,
  }),
  name: Type.String({ minLength: 3, maxLength: 128 }),
});

/** @see protocol 03 §10.4 */
export const TeiBody = Type.Object({
  ...Common,
  model: Model,
  revision: Revision,
  endpoints: Type.Array(Type.Enum(["embed", "predict", "rerank"]), { minItems: 1, maxItems: 3 }),
});

/** JSON Schema as the developer's SDK wrote it; opaque here. */
type CordSchema = Readonly<Record<string, unknown>> | null;

/** One callable function of a chute, in its wire form. @see protocol 03 §8.1 */
export interface Cord {
  readonly method: string;
  /** Internal path with leading slash. */
  readonly path: string;
  readonly function: string;
  readonly stream: boolean;
  readonly passthrough: boolean;
  readonly public_api_path: string | null;
  readonly public_api_method: string | null;
  readonly input_schema: CordSchema;
  readonly output_schema: CordSchema;
  readonly output_content_type: string | null;
  readonly minimal_input_schema: CordSchema;
}

/** Order in which a cord's members are stored, hashed and returned. @see protocol 03 §8.1 */
export const CORD_KEYS = [
  "method",
  "path",
  "function",
  "stream",
  "passthrough",
  "public_api_path",
  "public_api_method",
  "input_schema",
  "output_schema",
  "output_content_type",
  "minimal_input_schema",
] as const satisfies readonly (keyof Cord)[];

const JSON_BODY = { type: "object", properties: {}, required: [], definitions: {} } as const;
const JSON_TYPE = "application/json";
const STREAM_TYPE = "text/event-stream";

function passthroughCord(name: string, publicPath: string, options: { method?: string; stream?: boolean } = {}): Cord {
  const { method = "POST", stream = false } = options;
  return {
    method,
    path: `/${name}`,
    function: name,
    stream,
    passthrough: true,
    public_api_path: publicPath,
    public_api_method: method,
    input_schema: JSON_BODY,
    output_schema: {},
    output_content_type: stream ? STREAM_TYPE : JSON_TYPE,
    minimal_input_schema: {},
  };
}

const GET_MODELS = passthroughCord("get_models", "/v1/models", { method: "GET" });

/** Cords of the standard templates, as the SDK's builders declare them. @see protocol 03 §8.5 */
export const TEMPLATE_CORDS: { readonly vllm: readonly Cord[]; readonly embedding: readonly Cord[] } = {
  vllm: [
    passthroughCord("chat_stream", "/v1/chat/completions", { stream: true }),
    passthroughCord("completion_stream", "/v1/completions", { stream: true }),
    passthroughCord("chat", "/v1/chat/completions"),
    passthroughCord("completion", "/v1/completions"),
    GET_MODELS,
    passthroughCord("do_tokenize", "/tokenize"),
    passthroughCord("do_detokenize", "/detokenize"),
  ],
  embedding: [passthroughCord("embed", "/v1/embeddings"), GET_MODELS],
};

import type { Cord } from "../../wire/cords.js";

/** What an OpenAI-compatible server can be asked for. */
export type Operation = "chat" | "completion" | "models" | "embeddings";

/** Function names of the standard templates. @see protocol 03 §8.5 */
const BY_FUNCTION_PATH: Readonly<Record<string, Operation>> = {
  "/chat": "chat",
  "/chat_stream": "chat",
  "/completion": "completion",
  "/completion_stream": "completion",
  "/get_models": "models",
  "/embed": "embeddings",
};

/** Paths of the servers themselves, for chutes that name their functions otherwise. */
const BY_PUBLIC_PATH: Readonly<Record<string, Operation>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completion",
  "/v1/models": "models",
  "/v1/embeddings": "embeddings",
};

/** Where an engine serves each operation. */
export const ENGINE_PATH: Readonly<Record<Operation, string>> = {
  chat: "/v1/chat/completions",
  completion: "/v1/completions",
  models: "/v1/models",
  embeddings: "/v1/embeddings",
};

/** The operation a passthrough function stands for; undefined for any other function of a chute. */
export function operationOf(cord: Cord): Operation | undefined {
  if (!cord.passthrough) return undefined;
  return BY_PUBLIC_PATH[cord.public_api_path ?? ""] ?? BY_FUNCTION_PATH[cord.path];
}

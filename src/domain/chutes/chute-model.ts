import type { StandardTemplate } from "./chute.js";

/** How SDKs and developers name the argument that holds a model. */
const MODEL_LITERAL =
  /\b(?:model_name_or_path|model_name|model_id|repo_id)\s*=\s*(["'])([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})\1/;
const REPO_ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;
const NAMED_AFTER_MODEL: ReadonlySet<StandardTemplate | null> = new Set(["vllm", "embedding", "tei"]);

/** What tells which model a chute serves. */
export interface ModelSource {
  readonly name: string;
  readonly code: string;
  readonly standardTemplate: StandardTemplate | null;
}

/**
 * Repository `org/model` on the model hub: as the source names it, else the name of a language model's chute. Undefined for
 * other chutes. The source is only searched, never run. @see protocol 03 §9.8
 */
export function modelRepoOf({ name, code, standardTemplate }: ModelSource): string | undefined {
  const named = MODEL_LITERAL.exec(code)?.[2];
  if (named !== undefined) return named;
  return NAMED_AFTER_MODEL.has(standardTemplate) && REPO_ID.test(name) ? name : undefined;
}

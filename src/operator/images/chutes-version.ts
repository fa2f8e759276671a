import type { ImageConfig } from "../../infra/registry/documents.js";
import { AppError } from "../../kernel/errors.js";

const VERSION = /^\d+\.\d+\.\d+[\w.+-]{0,32}$/;
/** Where images say which SDK they hold. */
const VARIABLE = "CHUTES_VERSION";
const LABELS = ["chutes.version", "chutes_version"] as const;

/**
 * Version of the SDK inside an image: what the operator says, else what the image says of itself.
 * @throws AppError `invalid` when neither says a version
 */
export function chutesVersionOf(config: ImageConfig, given: string | undefined): string {
  const said = [config.env.get(VARIABLE), ...LABELS.map((label) => config.labels.get(label))];
  const version = given ?? said.find((text) => text !== undefined && VERSION.test(text));
  if (version !== undefined && VERSION.test(version)) return version;
  const why =
    version === undefined
      ? `the image does not say its chutes version (${VARIABLE}, or label ${LABELS[0]})`
      : `${version} is not a version`;
  throw new AppError("invalid", why, { fix: "--chutes-version 0.6.10" });
}

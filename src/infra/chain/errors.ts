import { AppError, messageOf } from "../../kernel/errors.js";

/**
 * The chain did not answer: connection, time limit, or an answer that is not of this kind of chain. The caller may retry.
 * The endpoint is named by host only, because URLs of paid endpoints carry keys.
 */
export function chainUnavailable(url: string, why: unknown): AppError {
  const reason = typeof why === "string" ? why : messageOf(why);
  return new AppError("unavailable", `the chain at ${hostOf(url)} cannot be used: ${reason}`, {
    code: "CHN001",
    fix: "check SUBTENSOR_ADDRESS and that the node runs",
    ...(typeof why === "string" ? {} : { cause: why }),
  });
}

/** The chain answered and said no, by its own error name. Repeating the same call does not help. @see protocol 07 §4.3 */
export function chainRefusal(call: string, name: string): AppError {
  return new AppError("conflict", `the chain refused ${call}: ${name}`, {
    code: "CHN002",
    detail: { message: `the chain refused ${call}: ${name}`, chainError: name },
  });
}

/** The chain's own error name when `error` is a refusal, e.g. `SettingWeightsTooFast`. */
export function chainErrorName(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.code !== "CHN002") return undefined;
  const detail = error.detail;
  if (typeof detail !== "object" || detail === null || !("chainError" in detail)) return undefined;
  return typeof detail.chainError === "string" ? detail.chainError : undefined;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the configured address";
}

/** The subnet takes only committed weights; a plain call would be refused by the chain, so it is not sent. @see protocol 07 §4.4 */
export function commitRevealRefusal(netuid: number): AppError {
  const message = `subnet ${netuid} has commit-reveal on; plain weights are not accepted there and committing is not supported`;
  return new AppError("conflict", message, { code: "CHN002", detail: { message, chainError: "CommitRevealEnabled" } });
}

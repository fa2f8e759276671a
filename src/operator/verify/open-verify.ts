import { openChain } from "../../infra/chain/open.js";
import type { Logger } from "../../kernel/logger.js";
import type { VerifyDeps, VerifyOptions } from "./options.js";
import type { VerifyReport } from "./report.js";
import { verify } from "./verify.js";

export interface VerifyRun extends Omit<VerifyDeps, "chain"> {
  /** Undefined: offline. */
  readonly subtensor: string | undefined;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** `verify` with its own connection to the chain, closed at the end. */
export async function verifyOnce(options: VerifyOptions, run: VerifyRun): Promise<VerifyReport> {
  const { subtensor, timeoutMs, log, ...deps } = run;
  if (subtensor === undefined) return verify(options, deps);
  const chain = await openChain({ url: subtensor, timeoutMs }, log);
  try {
    return await verify(options, { ...deps, chain });
  } finally {
    await chain.close();
  }
}

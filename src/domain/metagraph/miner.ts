import { AppError } from "../../kernel/errors.js";

/** A hotkey of the synchronised metagraph, as callers of the API are checked against it. @see protocol 01 §2.8 */
export interface RegisteredMiner {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly uid: number;
  /** Non-null: the operator refuses this miner, and says why. */
  readonly blacklistReason: string | null;
}

/**
 * Turns a blacklisted miner away from everything that adds GPUs or instances.
 * @throws AppError `forbidden` with the operator's reason
 * @see protocol 07 §2.4
 */
export function refuseBlacklisted(miner: RegisteredMiner): void {
  if (miner.blacklistReason === null || miner.blacklistReason === "") return;
  throw new AppError("forbidden", `Your hotkey has been blacklisted: ${miner.blacklistReason}`);
}

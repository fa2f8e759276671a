/** A hotkey of the synchronised metagraph, as callers of the API are checked against it. @see protocol 01 §2.8 */
export interface RegisteredMiner {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly uid: number;
  /** Non-null: the operator refuses this miner, and says why. */
  readonly blacklistReason: string | null;
}

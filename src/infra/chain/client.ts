import type { Keypair } from "../../wire/keypair.js";

export interface ChainHead {
  readonly number: number;
  /** 0x + 64 hex. */
  readonly hash: string;
  readonly time: Date;
}

/** One registered key of a subnet, as the chain keeps it. @see protocol 07 §2.2 */
export interface Neuron {
  readonly uid: number;
  readonly hotkey: string;
  readonly coldkey: string;
  /** Raw u16. */
  readonly incentive: number;
  /** Raw u16. */
  readonly consensus: number;
  readonly taoStakeRao: bigint;
  readonly alphaStakeRao: bigint;
  readonly totalStakeRao: bigint;
  readonly validatorPermit: boolean;
  readonly lastUpdateBlock: number;
  /** Address form, e.g. `203.0.113.7`. */
  readonly ip: string;
  readonly ipType: number;
  readonly port: number;
  readonly protocol: number;
}

export interface Metagraph {
  readonly netuid: number;
  readonly block: number;
  readonly neurons: readonly Neuron[];
}

/** The subnet's rules for weights, read before every submission. @see protocol 07 §4.3, §4.4 */
export interface WeightRules {
  readonly commitReveal: boolean;
  readonly rateLimitBlocks: number;
  readonly versionKey: bigint;
  readonly minAllowed: number;
  /** u16; 65535 means no limit. */
  readonly maxLimit: number;
}

/** One entry of a validator's weights row: u16 uid and u16 value. */
export interface WeightEntry {
  readonly uid: number;
  readonly value: number;
}

export interface Inclusion {
  readonly block: number;
  readonly blockHash: string;
}

/** `unreadable`: the node keeps neither the state nor the body of that block. @see protocol 08 §5 */
export type CommitmentRead =
  | { readonly kind: "sha256"; readonly hex: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable" };

/** The commitment that a hotkey's state holds now. */
export interface LatestCommitment {
  /** Bare lower-case hex. */
  readonly sha256Hex: string;
  /** Block that included it. */
  readonly block: number;
}

/** Reading a chain. Every call has the client's timeout and throws AppError `unavailable` CHN001 when it passes. */
export interface ChainReader {
  head(): Promise<ChainHead>;
  finalizedHead(): Promise<ChainHead>;
  /** Undefined for a block that does not exist (yet). */
  blockAt(number: number): Promise<ChainHead | undefined>;
  metagraph(netuid: number): Promise<Metagraph>;
  weightRules(netuid: number): Promise<WeightRules>;
  /** The stored row of a validator, uid ascending; empty when it never set weights. */
  weights(netuid: number, uid: number): Promise<readonly WeightEntry[]>;
  /** Last successful SHA-256 commitment of the hotkey in exactly that block. */
  commitmentAt(where: { netuid: number; hotkey: string; block: number }): Promise<CommitmentRead>;
  /** The hotkey's newest commitment at the best head; undefined when it has none, or none with a SHA-256. */
  latestCommitment(netuid: number, hotkey: string): Promise<LatestCommitment | undefined>;
  /** What an address may spend at the best head, in rao (10⁻⁹ TAO); 0 for one the chain does not know. */
  freeBalance(address: string): Promise<bigint>;
}

/** A transfer that a block holds. */
interface SentTransfer {
  /** What the sender held right before, in rao: the receiver gets that less the chain's fee. */
  readonly amountRao: bigint;
  readonly block: number;
}

/** Reading and signing. Submissions resolve on inclusion and throw AppError `conflict` CHN002 with the chain's own error name. */
export interface ChainClient extends ChainReader {
  setWeights(
    signer: Keypair,
    call: { netuid: number; weights: readonly WeightEntry[]; versionKey: bigint },
  ): Promise<Inclusion>;
  setCommitment(signer: Keypair, call: { netuid: number; sha256Hex: string }): Promise<Inclusion>;
  /** Sends everything that `from` holds; its account ends. Of it the chain takes its fee. */
  transferAll(transfer: { from: Keypair; to: string }): Promise<SentTransfer>;
  close(): Promise<void>;
}

import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { AppError } from "../../kernel/errors.js";

/** What the local chain and its client say to each other: `POST /rpc` with `{method, params}`, answered by `{result}` or `{detail, error?}`. */

const U16 = Type.Integer({ minimum: 0, maximum: 65_535 });
const Block = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const AnyBlock = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Integers beyond 2^53 travel as decimal text. */
const BigText = Type.String({ pattern: "^[0-9]{1,20}$" });
const Address = Type.String({ minLength: 40, maxLength: 60 });
const Hash = Type.String({ pattern: "^0x[0-9a-f]{64}$" });
/** Longer vectors than a subnet can have neurons are allowed, so that the chain's own refusal of them can be seen. */
const U16List = Type.Array(U16, { maxItems: 4096 });

/** Of `metagraph` and `weight_rules`. */
export const NetuidParams = Type.Object({ netuid: U16 });
/** Of `block_at`. Any number may be asked for; one beyond the head does not exist. */
export const BlockParams = Type.Object({ block: AnyBlock });
/** Of `weights`. */
export const WeightsParams = Type.Object({ netuid: U16, uid: U16 });
/** Of `commitment_at`. */
export const CommitmentParams = Type.Object({ netuid: U16, hotkey: Address, block: AnyBlock });
/** Of `account`. */
export const LatestCommitmentParams = Type.Object({ netuid: U16, hotkey: Address });
export const AccountParams = Type.Object({ hotkey: Address });
/** Of `free_balance`. */
export const BalanceParams = Type.Object({ address: Address });
/** Of `fund`: coins of this chain are worth nothing, so whoever reaches it may have some. */
export const FundParams = Type.Object({ address: Address, amountRao: Type.String({ pattern: "^[1-9][0-9]{0,17}$" }) });
/** Of `submit`: `payload` is the text that was signed, byte for byte; `signature` is its sr25519 signature in hex. */
export const SubmitParams = Type.Object({
  payload: Type.String({ maxLength: 262_144 }),
  signature: Type.String({ maxLength: 130 }),
});

/** A block; `timeMs` counts from the epoch of Unix. */
export const HeadResult = Type.Object({ number: Block, hash: Hash, timeMs: Type.Integer() });
/** A block, or null where there is none. */
export const MaybeHeadResult = Type.Union([HeadResult, Type.Null()]);
const NeuronResult = Type.Object({
  uid: U16,
  hotkey: Address,
  coldkey: Address,
  incentive: U16,
  consensus: U16,
  taoStakeRao: BigText,
  alphaStakeRao: BigText,
  validatorPermit: Type.Boolean(),
  lastUpdateBlock: Block,
  ip: Type.String({ maxLength: 64 }),
  ipType: U16,
  port: U16,
  protocol: U16,
});
/** Neurons by uid, amounts in rao. */
export const MetagraphResult = Type.Object({ netuid: U16, block: Block, neurons: Type.Array(NeuronResult) });
/** Rules of a subnet. @see protocol 07 §4.3 */
export const WeightRulesResult = Type.Object({
  commitReveal: Type.Boolean(),
  rateLimitBlocks: Type.Integer({ minimum: 0 }),
  versionKey: BigText,
  minAllowed: U16,
  maxLimit: U16,
});
/** A validator's row by uid. */
export const WeightsResult = Type.Array(Type.Object({ uid: U16, value: U16 }));
/** A commitment of one block; this chain keeps all of them, so none is unreadable. */
const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
export const CommitmentResult = Type.Union([
  Type.Object({ kind: Type.Literal("sha256"), hex: Sha256 }),
  Type.Object({ kind: Type.Literal("absent") }),
]);
export const LatestCommitmentResult = Type.Union([Type.Object({ sha256Hex: Sha256, block: Block }), Type.Null()]);
/** What a signer must know first: its next nonce and the chain it signs for. */
export const AccountResult = Type.Object({ nextNonce: BigText, genesisHash: Hash });
/** Rao. */
export const BalanceResult = BigText;
/** The block that holds a submission. */
export const InclusionResult = Type.Object({ block: Block, blockHash: Hash });

const SetWeights = Type.Object({
  method: Type.Literal("set_weights"),
  netuid: U16,
  dests: U16List,
  values: U16List,
  versionKey: BigText,
});
const SetCommitment = Type.Object({
  method: Type.Literal("set_commitment"),
  netuid: U16,
  sha256: Sha256,
});
const Register = Type.Object({ method: Type.Literal("register"), netuid: U16, coldkey: Address });
const TransferAll = Type.Object({ method: Type.Literal("transfer_all"), dest: Address });
/** The signed text, read. */
export const Submission = Type.Object({
  call: Type.Union([SetWeights, SetCommitment, Register, TransferAll]),
  genesisHash: Hash,
  hotkey: Address,
  nonce: BigText,
});

/** Weights as they are submitted: parallel vectors. */
export type SetWeightsCall = Static<typeof SetWeights>;
/** Any call that a hotkey can sign. */
export type ChainCall = Static<typeof Submission>["call"];
/** A call with what binds it to one chain, one signer and one use. */
export type SignedCall = Static<typeof Submission>;

/**
 * The text a hotkey signs. It names the chain (so that it is worth nothing on another one) and a nonce (so that it counts once).
 * The receiver checks the signature over the text as received, so key order matters to nobody but readers.
 */
export function submissionText(submission: SignedCall): string {
  return JSON.stringify(submission);
}

/** Checks an outside value once. @throws AppError `invalid` naming the first bad field */
export function parseAs<Schema extends TSchema>(schema: Schema, value: unknown, what: string): Static<Schema> {
  if (Value.Check(schema, value)) return value as Static<Schema>;
  const error = Value.Errors(schema, value)[0];
  throw new AppError(
    "invalid",
    `${what}: ${error?.instancePath ?? ""} ${error?.message ?? "has the wrong shape"}`.trim(),
  );
}

import type { ApiPromise } from "@polkadot/api";
import { AppError } from "../../kernel/errors.js";
import type { Keypair } from "../../wire/keypair.js";
import type { Inclusion } from "./client.js";
import { chainRefusal } from "./errors.js";
import { NodeError } from "./node-socket.js";

type Transaction = ReturnType<ApiPromise["tx"][string][string]>;

/** About 96 s: a call that misses its blocks is void, so it can be sent again. A power of two, as eras are. */
const ERA_BLOCKS = 8;
const SR25519_TAG = 1;

/** Extensions whose bytes the library writes; every other one must be empty or the chain would read other bytes than we signed. */
const FILLED_EXTENSIONS: ReadonlySet<string> = new Set([
  "CheckSpecVersion",
  "CheckTxVersion",
  "CheckGenesis",
  "CheckMortality",
  "CheckNonce",
  "ChargeTransactionPayment",
  "CheckMetadataHash",
]);

/** Custom bytes of the chain's early checks, by the name its late checks give the same fault. @see protocol 07 §1.4 */
const CUSTOM_REJECTIONS: Readonly<Record<string, string>> = {
  "set_weights 1": "NotEnoughStakeToSetWeights",
  "set_weights 3": "MechanismDoesNotExist",
  "set_weights 6": "SettingWeightsTooFast",
};
/** JSON-RPC codes with which a node's pool turns a transaction down. */
const POOL_REJECTIONS: readonly number[] = [1010, 1011, 1012, 1013, 1014, 1015, 1016];

/** A call to be built with the types of the node's metadata, e.g. `commitments`, `setCommitment`. */
export interface PalletCall {
  readonly pallet: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

/**
 * Signs a call for the next few blocks, sends it and waits until a block holds it.
 * @throws AppError `conflict` CHN002 when the node's pool or the block refused it; other errors mean that nothing is known
 */
export async function submit(api: ApiPromise, signer: Keypair, call: PalletCall): Promise<Inclusion> {
  const create = api.tx[call.pallet]?.[call.name];
  if (create === undefined) throw new Error(`the runtime has no call ${call.pallet}.${call.name}`);
  refuseUnknownExtensions(api);
  const transaction = create(...call.args);
  await sign(api, signer, transaction);
  const name = snakeCase(call.name);
  const result = await untilIncluded(transaction, name);
  if (result.internalError !== undefined) throw result.internalError;
  if (result.dispatchError !== undefined) throw chainRefusal(name, dispatchErrorName(api, result.dispatchError));
  const blockHash = result.status.asInBlock.toHex();
  const { number } = await api.rpc.chain.getHeader(blockHash);
  return { block: number.toNumber(), blockHash };
}

function refuseUnknownExtensions(api: ApiPromise): void {
  for (const { name, types } of extensionsOf(api)) {
    const sizes = types.map((type) => api.registry.createType(api.registry.createLookupType(type)).encodedLength);
    if (FILLED_EXTENSIONS.has(name) || sizes.every((size) => size === 0)) continue;
    throw new AppError(
      "unavailable",
      `the chain wants the transaction extension ${name}, which this program cannot fill`,
      {
        code: "CHN001",
        fix: "update chutes-validator",
      },
    );
  }
}

/** Name of each extension with the types of its sent and of its only signed bytes. */
function extensionsOf({ runtimeMetadata }: ApiPromise) {
  if (runtimeMetadata.version >= 16) {
    const { transactionExtensions } = runtimeMetadata.asLatest.extrinsic;
    return transactionExtensions.map((one) => ({ name: one.identifier.toString(), types: [one.type, one.implicit] }));
  }
  // The library loses the second type when it converts older documents, so those are read in their own version.
  const { signedExtensions } = runtimeMetadata.asV15.extrinsic;
  return signedExtensions.map((one) => ({ name: one.identifier.toString(), types: [one.type, one.additionalSigned] }));
}

/** Anchored one block below the best, so that a fork of the last block does not void the signature. */
async function sign(api: ApiPromise, signer: Keypair, transaction: Transaction): Promise<void> {
  const [nonce, header] = await Promise.all([
    api.rpc.system.accountNextIndex(signer.address),
    api.rpc.chain.getHeader(),
  ]);
  const parent = await api.rpc.chain.getHeader(header.parentHash);
  const account = {
    address: signer.address,
    addressRaw: signer.publicKey,
    publicKey: signer.publicKey,
    sign(message: Uint8Array, options?: { withType?: boolean }) {
      const signature = signer.sign(message);
      return options?.withType === true ? Uint8Array.of(SR25519_TAG, ...signature) : signature;
    },
  };
  transaction.sign(account, {
    blockHash: header.parentHash,
    era: api.registry.createType("ExtrinsicEra", { current: parent.number.toNumber(), period: ERA_BLOCKS }),
    genesisHash: api.genesisHash,
    nonce,
    runtimeVersion: api.runtimeVersion,
    signedExtensions: api.registry.signedExtensions,
  });
}

type Result = Parameters<Parameters<Transaction["send"]>[0]>[0];

function untilIncluded(transaction: Transaction, name: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const sent = transaction.send((result) => {
      const { status } = result;
      if (status.isInBlock) resolve(result);
      else if (result.isError) reject(chainRefusal(name, status.type));
      else return;
      sent.then((unsubscribe) => unsubscribe()).catch(() => undefined);
    });
    sent.catch((error: unknown) => reject(poolRefusal(name, error) ?? error));
  });
}

/** A pool's rejection as a refusal; undefined for anything else, such as a lost connection. */
function poolRefusal(name: string, error: unknown): AppError | undefined {
  if (!(error instanceof NodeError) || !POOL_REJECTIONS.includes(error.code)) return undefined;
  const custom = /Custom error: (\d+)/.exec(error.message)?.[1];
  if (custom !== undefined)
    return chainRefusal(name, CUSTOM_REJECTIONS[`${name} ${custom}`] ?? `Custom error ${custom}`);
  return chainRefusal(name, error.message);
}

function dispatchErrorName(api: ApiPromise, error: NonNullable<Result["dispatchError"]>): string {
  return error.isModule ? api.registry.findMetaError(error.asModule).name : error.type;
}

/** The chain's spelling of a call's name. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

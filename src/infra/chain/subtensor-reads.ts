import type { ApiPromise } from "@polkadot/api";
import { Type } from "typebox";
import { AppError } from "../../kernel/errors.js";
import { axonAddress } from "./axon-address.js";
import type { Metagraph, Neuron, WeightEntry, WeightRules } from "./client.js";
import { parseAs } from "./local-protocol.js";

/** The decoder writes integers as numbers up to 2^53 and as hex text above. */
const Amount = Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: "^0x[0-9a-f]{1,32}$" })]);
const Amounts = Type.Array(Amount);
const Axon = Type.Object({ ip: Amount, ipType: Type.Integer(), port: Type.Integer(), protocol: Type.Integer() });
const Flags = Type.Array(Type.Boolean());

/** Of the runtime's answer only what is used here: newer runtimes leave other columns empty. @see protocol 07 §1.3 */
const MetagraphAnswer = Type.Object({
  block: Amount,
  hotkeys: Type.Array(Type.String()),
  coldkeys: Type.Array(Type.String()),
  axons: Type.Array(Axon),
  validatorPermit: Flags,
  lastUpdate: Amounts,
  incentives: Amounts,
  consensus: Amounts,
  alphaStake: Amounts,
  taoStake: Amounts,
  totalStake: Amounts,
});

const NeuronsLiteAnswer = Type.Array(
  Type.Object({
    uid: Type.Integer(),
    hotkey: Type.String(),
    coldkey: Type.String(),
    axonInfo: Axon,
    incentive: Amount,
    consensus: Amount,
    lastUpdate: Amount,
    validatorPermit: Type.Boolean(),
    stake: Type.Array(Type.Tuple([Type.String(), Amount])),
  }),
);

const AccountInfo = Type.Object({ data: Type.Object({ free: Amount }) });
const WeightsRow = Type.Array(Type.Tuple([Type.Integer(), Type.Integer()]));
const U16_MAX = 65_535;

/**
 * The metagraph at the best head, from `get_metagraph`, or from `get_neurons_lite` where a runtime lacks it (stakes are then all
 * counted as total, TAO and alpha are not told apart).
 * @throws AppError `not_found` for a subnet that does not exist
 */
export async function readMetagraph(api: ApiPromise, netuid: number): Promise<Metagraph> {
  const whole = api.call["subnetInfoRuntimeApi"]?.["getMetagraph"];
  if (whole !== undefined) return toMetagraph(netuid, (await whole(netuid)).toJSON());
  const lite = api.call["neuronInfoRuntimeApi"]?.["getNeuronsLite"];
  if (lite === undefined) throw new Error("the runtime offers no metagraph");
  const [header, answer] = await Promise.all([api.rpc.chain.getHeader(), lite(netuid)]);
  return fromNeuronsLite(netuid, header.number.toNumber(), answer.toJSON());
}

function toMetagraph(netuid: number, answer: unknown): Metagraph {
  if (answer === null) throw new AppError("not_found", `subnet ${netuid} does not exist on this chain`);
  const columns = parseAs(MetagraphAnswer, answer, "metagraph");
  const neurons = columns.hotkeys.map((hotkey, uid): Neuron => {
    const at = <Cell>(column: readonly Cell[]): Cell => cellOf(column, uid);
    return {
      uid,
      hotkey,
      coldkey: at(columns.coldkeys),
      incentive: Number(at(columns.incentives)),
      consensus: Number(at(columns.consensus)),
      taoStakeRao: BigInt(at(columns.taoStake)),
      alphaStakeRao: BigInt(at(columns.alphaStake)),
      totalStakeRao: BigInt(at(columns.totalStake)),
      validatorPermit: at(columns.validatorPermit),
      lastUpdateBlock: Number(at(columns.lastUpdate)),
      ...axonOf(at(columns.axons)),
    };
  });
  return { netuid, block: Number(columns.block), neurons };
}

function cellOf<Cell>(column: readonly Cell[], uid: number): Cell {
  const cell = column[uid];
  if (cell === undefined) throw new Error(`the metagraph has a column that ends before uid ${uid}`);
  return cell;
}

function fromNeuronsLite(netuid: number, block: number, answer: unknown): Metagraph {
  const neurons = parseAs(NeuronsLiteAnswer, answer, "neurons").map(
    (neuron): Neuron => ({
      uid: neuron.uid,
      hotkey: neuron.hotkey,
      coldkey: neuron.coldkey,
      incentive: Number(neuron.incentive),
      consensus: Number(neuron.consensus),
      taoStakeRao: 0n,
      alphaStakeRao: 0n,
      totalStakeRao: neuron.stake.reduce((sum, [, amount]) => sum + BigInt(amount), 0n),
      validatorPermit: neuron.validatorPermit,
      lastUpdateBlock: Number(neuron.lastUpdate),
      ...axonOf(neuron.axonInfo),
    }),
  );
  // The call answers an empty list both for an empty subnet and for one that is not there.
  if (neurons.length === 0) throw new AppError("not_found", `subnet ${netuid} does not exist on this chain`);
  return { netuid, block, neurons: neurons.sort((a, b) => a.uid - b.uid) };
}

function axonOf(axon: { ip: string | number; ipType: number; port: number; protocol: number }) {
  return {
    ip: axonAddress(BigInt(axon.ip), axon.ipType),
    ipType: axon.ipType,
    port: axon.port,
    protocol: axon.protocol,
  };
}

/** Rules at the best head. A runtime without `MaxWeightsLimit` has no limit. */
export async function readWeightRules(api: ApiPromise, netuid: number): Promise<WeightRules> {
  const [commitReveal, rateLimit, versionKey, minAllowed, maxLimit] = await Promise.all([
    readItem(api, "commitRevealWeightsEnabled", [netuid]),
    readItem(api, "weightsSetRateLimit", [netuid]),
    readItem(api, "weightsVersionKey", [netuid]),
    readItem(api, "minAllowedWeights", [netuid]),
    api.query["subtensorModule"]?.["maxWeightsLimit"] === undefined
      ? U16_MAX
      : readItem(api, "maxWeightsLimit", [netuid]),
  ]);
  return {
    commitReveal: parseAs(Type.Boolean(), commitReveal, "CommitRevealWeightsEnabled"),
    rateLimitBlocks: Number(parseAs(Amount, rateLimit, "WeightsSetRateLimit")),
    versionKey: BigInt(parseAs(Amount, versionKey, "WeightsVersionKey")),
    minAllowed: Number(parseAs(Amount, minAllowed, "MinAllowedWeights")),
    maxLimit: Number(parseAs(Amount, maxLimit, "MaxWeightsLimit")),
  };
}

/** The stored row of a validator for mechanism 0, uid ascending. */
export async function readWeights(api: ApiPromise, netuid: number, uid: number): Promise<WeightEntry[]> {
  const row = parseAs(WeightsRow, await readItem(api, "weights", [netuid, uid]), "Weights");
  return row.map(([target, value]) => ({ uid: target, value })).sort((a, b) => a.uid - b.uid);
}

/** Rao that an address may spend at the best head. */
export async function readFreeBalance(api: ApiPromise, address: string): Promise<bigint> {
  const entry = api.query["system"]?.["account"];
  if (entry === undefined) throw new Error("the runtime has no System.Account");
  const { data } = parseAs(AccountInfo, (await entry(address)).toJSON(), "account");
  return BigInt(data.free);
}

async function readItem(api: ApiPromise, item: string, keys: readonly number[]): Promise<unknown> {
  const entry = api.query["subtensorModule"]?.[item];
  if (entry === undefined) throw new Error(`the runtime has no SubtensorModule.${item}`);
  return (await entry(...keys)).toJSON();
}

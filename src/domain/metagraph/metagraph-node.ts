import type { Neuron } from "../../infra/chain/client.js";
import { pythonFloat } from "../../wire/csv.js";
import { sha256Hex } from "../../wire/hashes.js";

/** What the sync reads of a registered key. */
export type SubnetNeuron = Pick<
  Neuron,
  | "uid"
  | "hotkey"
  | "coldkey"
  | "incentive"
  | "consensus"
  | "taoStakeRao"
  | "alphaStakeRao"
  | "totalStakeRao"
  | "lastUpdateBlock"
  | "ip"
  | "ipType"
  | "port"
  | "protocol"
>;

/** A stored key without the block of its last update, which would change with every epoch. Stakes in whole tokens. @see protocol 07 §2.2 */
export interface MetagraphNode {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly node_id: number;
  readonly netuid: number;
  /** Raw u16. */
  readonly incentive: number;
  readonly stake: number;
  readonly tao_stake: number;
  readonly alpha_stake: number;
  readonly trust: number;
  /** Raw u16: the chain's consensus value. */
  readonly vtrust: number;
  readonly ip: string;
  readonly ip_type: number;
  readonly port: number;
  readonly protocol: number;
}

const RAO = 1e9;
/** Written with a point even when whole, because the checksum was first defined by a language that tells them apart. */
const FLOATS: ReadonlySet<string> = new Set(["stake", "tao_stake", "alpha_stake"]);

/** The stored form of a chain neuron. @see protocol 07 §2.2 */
export function metagraphNodeOf(netuid: number, neuron: SubnetNeuron): MetagraphNode {
  return {
    hotkey: neuron.hotkey,
    coldkey: neuron.coldkey,
    node_id: neuron.uid,
    netuid,
    incentive: neuron.incentive,
    stake: Number(neuron.totalStakeRao) / RAO,
    tao_stake: Number(neuron.taoStakeRao) / RAO,
    alpha_stake: Number(neuron.alphaStakeRao) / RAO,
    trust: 0,
    vtrust: neuron.consensus,
    ip: neuron.ip,
    ip_type: neuron.ipType,
    port: neuron.port,
    protocol: neuron.protocol,
  };
}

/** SHA-256 of the node as JSON: keys sorted, `", "` and `": "` between, ASCII only. @see protocol 07 §2.3 */
export function metagraphChecksum(node: MetagraphNode): string {
  const members = Object.entries(node)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `"${key}": ${jsonOf(key, value)}`);
  return sha256Hex(`{${members.join(", ")}}`);
}

function jsonOf(key: string, value: unknown): string {
  if (typeof value === "number") return FLOATS.has(key) ? pythonFloat(value) : String(value);
  return JSON.stringify(value).replace(/[^\u0020-\u007e]/g, asciiEscape);
}

function asciiEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

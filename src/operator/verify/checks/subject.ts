import type { MetagraphEntry } from "../../../domain/scoring/inputs.js";
import type { ChainReader, Metagraph, Neuron, WeightEntry, WeightRules } from "../../../infra/chain/client.js";

/** The audited validator as the chain knows it. */
export interface ChainSubject {
  readonly metagraph: Metagraph;
  readonly rules: WeightRules;
  /** Undefined when the hotkey is not registered. */
  readonly neuron: Neuron | undefined;
  readonly weights: readonly WeightEntry[];
}

/** Reads what V08 and V09 need of the chain. */
export async function readSubject(chain: ChainReader, netuid: number, hotkey: string): Promise<ChainSubject> {
  const [metagraph, rules] = await Promise.all([chain.metagraph(netuid), chain.weightRules(netuid)]);
  const neuron = metagraph.neurons.find((candidate) => candidate.hotkey === hotkey);
  const weights = neuron === undefined ? [] : await chain.weights(netuid, neuron.uid);
  return { metagraph, rules, neuron, weights };
}

/** Who is registered: the chain knows best, reasons of blacklisting come from the API. Undefined without both. */
export function registeredKeys(
  subject: ChainSubject | undefined,
  served: readonly MetagraphEntry[] | undefined,
): MetagraphEntry[] | undefined {
  if (subject === undefined) return served === undefined ? undefined : [...served];
  const reasons = new Map(served?.map((entry) => [entry.hotkey, entry.blacklistReason]));
  return subject.metagraph.neurons.map(({ uid, hotkey, coldkey }) => ({
    uid,
    hotkey,
    coldkey,
    blacklistReason: reasons.get(hotkey) ?? null,
  }));
}

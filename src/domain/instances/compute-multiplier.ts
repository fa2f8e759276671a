import type { GpuTable } from "../../wire/gpu-table.js";
import { computeMultiplier, type NodeSelector, supportedGpus } from "../../wire/node-selector.js";

/** What of a chute decides how much a second of it is worth. */
export interface PricedChute {
  readonly nodeSelector: NodeSelector;
  readonly isPrivate: boolean;
  readonly tee: boolean;
  /** Urgency written by the autoscaler or an operator. */
  readonly boost: number | null;
}

/** Operator's factors. */
export interface MultiplierRules {
  readonly privateMultiplier: number;
  readonly teeMultiplier: number;
}

/** A multiplier with the factors it is the product of; only those that apply are listed. */
export interface EffectiveMultiplier {
  readonly value: number;
  readonly factors: Readonly<Record<string, number>>;
}

const HIGHEST_BOOST = 20;

/**
 * What a miner earns per second for an instance that it activates now, relative to one GPU of the dearest kind. Zero when no GPU
 * fits. A bounty does not raise it: it is counted once, by the instance's bounty mark.
 * @see protocol 03 §6.5
 */
export function effectiveMultiplier(table: GpuTable, chute: PricedChute, rules: MultiplierRules): EffectiveMultiplier {
  const base = supportedGpus(table, chute.nodeSelector).length === 0 ? 0 : computeMultiplier(table, chute.nodeSelector);
  const boost = chute.boost ?? 0;
  const factors = {
    base,
    ...(chute.isPrivate && { private: rules.privateMultiplier }),
    ...(boost > 0 && boost <= HIGHEST_BOOST && { urgency_boost: boost }),
    ...(chute.tee && { tee: rules.teeMultiplier }),
  };
  return { value: Object.values(factors).reduce((product, factor) => product * factor, 1), factors };
}

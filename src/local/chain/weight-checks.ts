import type { WeightRules } from "../../infra/chain/client.js";

/** One weights call as it arrived: parallel vectors. */
export interface WeightsVector {
  readonly dests: readonly number[];
  readonly values: readonly number[];
  readonly versionKey: bigint;
}

/** Rules of the subnet plus the stake a hotkey needs to set weights. */
export interface SubnetRules extends WeightRules {
  readonly stakeThresholdRao: bigint;
}

/** What the chain knows when a weights call is executed. */
export interface WeightsState {
  /** Undefined when the subnet does not exist. */
  readonly rules: SubnetRules | undefined;
  readonly block: number;
  /** Uids are 0 … neuronCount − 1 without gaps. */
  readonly neuronCount: number;
  /** The signer, when registered. */
  readonly own:
    | {
        readonly uid: number;
        readonly stakeRao: bigint;
        readonly validatorPermit: boolean;
        readonly lastUpdateBlock: number;
      }
    | undefined;
}

type Breaks = (call: WeightsVector, state: WeightsState) => boolean;

/** In the order in which a subtensor looks, so that a call with several faults gets the same name. */
const CHECKS: readonly (readonly [name: string, breaks: Breaks])[] = [
  ["CommitRevealEnabled", (_, { rules }) => rules?.commitReveal === true],
  ["WeightVecNotEqualSize", ({ dests, values }) => dests.length !== values.length],
  ["MechanismDoesNotExist", (_, { rules }) => rules === undefined],
  ["UidsLengthExceedUidsInSubNet", ({ dests }, { neuronCount }) => dests.length > neuronCount],
  ["HotKeyNotRegisteredInSubNet", (_, { own }) => own === undefined],
  ["NotEnoughStakeToSetWeights", (_, { own, rules }) => (own?.stakeRao ?? 0n) < (rules?.stakeThresholdRao ?? 0n)],
  ["IncorrectWeightVersionKey", ({ versionKey }, { rules }) => versionKey < (rules?.versionKey ?? 0n)],
  ["SettingWeightsTooFast", (_, state) => isTooFast(state)],
  ["NeuronNoValidatorPermit", (_, { own }) => own?.validatorPermit !== true],
  ["DuplicateUids", ({ dests }) => new Set(dests).size !== dests.length],
  ["UidVecContainInvalidOne", ({ dests }, { neuronCount }) => dests.some((uid) => uid >= neuronCount)],
  ["WeightVecLengthIsLow", isTooShort],
  ["MaxWeightExceeded", isOverLimit],
];

/** The chain's name for the first check the call fails, or undefined when it is accepted. @see protocol 07 §4.3 */
export function refusalOfWeights(call: WeightsVector, state: WeightsState): string | undefined {
  return CHECKS.find(([, breaks]) => breaks(call, state))?.[0];
}

function isTooFast({ own, rules, block }: WeightsState): boolean {
  if (own === undefined || rules === undefined || own.lastUpdateBlock === 0) return false;
  return block - own.lastUpdateBlock < rules.rateLimitBlocks;
}

function isTooShort({ dests }: WeightsVector, state: WeightsState): boolean {
  if (isOnlySelf(dests, state)) return false;
  return dests.length < Math.min(state.rules?.minAllowed ?? 0, state.neuronCount);
}

/** Compares max/sum with maxLimit/65535 in whole numbers. */
function isOverLimit({ dests, values }: WeightsVector, state: WeightsState): boolean {
  const limit = state.rules?.maxLimit ?? U16_MAX;
  if (limit === U16_MAX || isOnlySelf(dests, state)) return false;
  const sum = values.reduce((total, value) => total + value, 0);
  return Math.max(0, ...values) * U16_MAX > limit * sum;
}

function isOnlySelf(dests: readonly number[], { own }: WeightsState): boolean {
  return dests.length === 1 && dests[0] === own?.uid;
}

const U16_MAX = 65_535;

/**
 * What the chain keeps of submitted values: scaled so that the largest is 65535, halves rounded up. All zeros stay zeros.
 * @see protocol 07 §4.2 ([100, 250, 13] → [26214, 65535, 3408])
 */
export function maxUpscale(values: readonly number[]): number[] {
  const max = Math.max(0, ...values);
  if (max === 0) return [...values];
  return values.map((value) => Math.floor((2 * value * U16_MAX + max) / (2 * max)));
}

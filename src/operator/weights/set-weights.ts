import type { Metagraph } from "../../infra/chain/client.js";
import { AppError } from "../../kernel/errors.js";
import { type SubmitDeps, submitAndReadBack } from "./submit-weights.js";
import { type WeightLine, weightLines } from "./weight-lines.js";

export interface SetWeightsOptions {
  /** Evaluation time of the scores; default now. */
  readonly asOf?: Date | undefined;
  /** Compute and show, submit nothing. */
  readonly dryRun: boolean;
}

export interface WeightsReport {
  readonly netuid: number;
  readonly profile: string;
  readonly as_of: string;
  readonly uid: number;
  readonly weights: readonly WeightLine[];
  /** `submitted` only after the chain's own row was read and compared. */
  readonly outcome: "submitted" | "dry-run" | "nothing-to-submit" | "too-soon";
  readonly block: number | null;
  readonly next_block: number | null;
}

/**
 * Scores, quantises, submits and reads back. One shot, for cron: nothing positive or too early submits nothing.
 * @throws AppError `not_found` when the hotkey is not on the subnet, `conflict` CHN002/CHN003 when the chain refuses or holds other weights
 * @see protocol 07 §4
 */
export async function setWeights(deps: SubmitDeps, options: SetWeightsOptions): Promise<WeightsReport> {
  const { netuid } = deps.config;
  const [metagraph, rules, head] = await Promise.all([
    deps.chain.metagraph(netuid),
    deps.chain.weightRules(netuid),
    deps.chain.head(),
  ]);
  const self = ownNeuron(metagraph, deps.signer.address);
  const asOf = options.asOf ?? deps.now();
  const lines = await weightLines(deps, { asOf, metagraph, rules });
  const report = {
    netuid,
    profile: deps.config.scoring.profile,
    as_of: asOf.toISOString(),
    uid: self.uid,
    weights: lines,
    block: null,
    next_block: null,
  };
  if (lines.length === 0) return { ...report, outcome: "nothing-to-submit" };
  if (options.dryRun) return { ...report, outcome: "dry-run" };
  const nextBlock = self.lastUpdateBlock + rules.rateLimitBlocks;
  if (self.lastUpdateBlock > 0 && head.number < nextBlock)
    return { ...report, outcome: "too-soon", next_block: nextBlock };
  const block = await submitAndReadBack(deps, { uid: self.uid, lines, asOf });
  return { ...report, outcome: "submitted", block };
}

function ownNeuron(metagraph: Metagraph, hotkey: string) {
  const neuron = metagraph.neurons.find((candidate) => candidate.hotkey === hotkey);
  if (neuron !== undefined) return neuron;
  throw new AppError("not_found", `the validator hotkey ${hotkey} is not registered on netuid ${metagraph.netuid}`, {
    code: "CHN002",
    fix: "register the hotkey, or correct VALIDATOR_SEED and NETUID",
  });
}

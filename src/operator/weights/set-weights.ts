import type { ProfileName } from "../../domain/scoring/profiles.js";
import { clipToMaxLimit, quantiseMaxScaled, storedRow } from "../../domain/scoring/quantise.js";
import { scoreMiners } from "../../domain/scoring/score.js";
import { scoringInputs } from "../../domain/scoring/score-inputs-repository.js";
import type { ChainClient, Metagraph, WeightEntry, WeightRules } from "../../infra/chain/client.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError, messageOf } from "../../kernel/errors.js";
import { pause } from "../../kernel/lifecycle.js";
import type { Keypair } from "../../wire/keypair.js";

export interface SetWeightsDeps {
  readonly config: Config;
  readonly db: Db;
  readonly chain: ChainClient;
  readonly signer: Keypair;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Milliseconds that the read-back waits for the submitted row. */
  readonly readBackMs?: number;
}

export interface SetWeightsOptions {
  /** Evaluation time of the scores; default now. */
  readonly asOf?: Date | undefined;
  /** Compute and show, submit nothing. */
  readonly dryRun: boolean;
}

export interface WeightLine extends WeightEntry {
  readonly hotkey: string;
  readonly score: number;
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

/** A node behind a load balancer may lag by a few blocks. */
const READ_BACK_MS = 60_000;
const READ_BACK_STEP_MS = 500;

/**
 * Scores, quantises, submits and reads back. One shot, for cron: nothing positive or too early submits nothing.
 * @throws AppError `not_found` when the hotkey is not on the subnet, `conflict` CHN002/CHN003 when the chain refuses or holds other weights
 * @see protocol 07 §4
 */
export async function setWeights(deps: SetWeightsDeps, options: SetWeightsOptions): Promise<WeightsReport> {
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

interface Question {
  readonly asOf: Date;
  readonly metagraph: Metagraph;
  readonly rules: WeightRules;
}

async function weightLines(deps: SetWeightsDeps, { asOf, metagraph, rules }: Question): Promise<WeightLine[]> {
  const { netuid, scoring } = deps.config;
  const profile = scoring.profile as ProfileName;
  const inputs = await scoringInputs(deps.db, {
    profile,
    netuid,
    asOf,
    oneHotkeyPerColdkey: scoring.oneHotkeyPerColdkey,
  });
  const scores = scoreMiners(profile, inputs).scores;
  // The chain's own list decides who has a uid now; hotkeys that left since the last sync are dropped.
  const byUid = new Map(metagraph.neurons.map((neuron) => [neuron.uid, neuron.hotkey]));
  const weights = new Map<number, number>();
  for (const [uid, hotkey] of byUid) {
    const score = scores.get(hotkey) ?? 0;
    if (score > 0) weights.set(uid, score);
  }
  const row = quantiseMaxScaled(clipToMaxLimit(weights, rules.maxLimit), { keepTiny: scoring.keepTiny });
  return row.map(({ uid, value }) => ({ uid, value, hotkey: byUid.get(uid) ?? "", score: weights.get(uid) ?? 0 }));
}

interface Submission {
  readonly uid: number;
  readonly lines: readonly WeightLine[];
  readonly asOf: Date;
}

/** The submission is noted before it is sent and completed after the row was read: a crash between the two shows as such. */
async function submitAndReadBack(deps: SetWeightsDeps, submission: Submission): Promise<number> {
  const { netuid, scoring } = deps.config;
  const weights = submission.lines.map(({ uid, value }) => ({ uid, value }));
  const id = await noteSubmission(deps, submission);
  try {
    const versionKey = BigInt(scoring.versionKey);
    const { block } = await deps.chain.setWeights(deps.signer, { netuid, weights, versionKey });
    await noteOutcome(deps, id, { block });
    await readBack(deps, { uid: submission.uid, weights, block });
    await noteOutcome(deps, id, { read_back_at: deps.now() });
    return block;
  } catch (error) {
    await noteOutcome(deps, id, { error: messageOf(error) });
    throw error;
  }
}

async function noteSubmission({ db, config, now }: SetWeightsDeps, submission: Submission): Promise<bigint> {
  const { submission_id } = await db
    .insertInto("weight_submissions")
    .values({
      netuid: config.netuid,
      as_of: submission.asOf,
      profile: config.scoring.profile,
      scores: JSON.stringify(Object.fromEntries(submission.lines.map((line) => [line.hotkey, line.score]))),
      weights: JSON.stringify(submission.lines.map(({ uid, value }) => ({ uid, value }))),
      created_at: now(),
    })
    .returning("submission_id")
    .executeTakeFirstOrThrow();
  return submission_id;
}

async function noteOutcome(
  { db }: SetWeightsDeps,
  id: bigint,
  outcome: { block?: number; read_back_at?: Date; error?: string },
): Promise<void> {
  await db.updateTable("weight_submissions").set(outcome).where("submission_id", "=", id).execute();
}

/** @throws AppError `conflict` CHN003 when the row is still another one after the wait */
async function readBack(
  { chain, config, signal, readBackMs = READ_BACK_MS }: SetWeightsDeps,
  want: { uid: number; weights: readonly WeightEntry[]; block: number },
): Promise<void> {
  const expected = textOf(storedRow(want.weights));
  const deadline = performance.now() + readBackMs;
  while (textOf(await chain.weights(config.netuid, want.uid)) !== expected) {
    if (signal.aborted)
      throw new AppError("aborted", `stopped before the weights of block ${want.block} were read back`);
    if (performance.now() > deadline) throw otherWeights(want.block);
    await pause(READ_BACK_STEP_MS, signal);
  }
}

function otherWeights(block: number): AppError {
  return new AppError("conflict", `the weights on chain are not those submitted in block ${block}`, {
    code: "CHN003",
    fix: "look for another process that sets weights with this hotkey",
  });
}

function textOf(row: readonly WeightEntry[]): string {
  return [...row]
    .sort((a, b) => a.uid - b.uid)
    .map(({ uid, value }) => `${uid}:${value}`)
    .join(",");
}

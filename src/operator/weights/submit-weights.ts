import { storedRow } from "../../domain/scoring/quantise.js";
import type { ChainClient, WeightEntry } from "../../infra/chain/client.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError, messageOf } from "../../kernel/errors.js";
import { pause } from "../../kernel/lifecycle.js";
import type { Keypair } from "../../wire/keypair.js";
import type { WeightLine } from "./weight-lines.js";

/** A node behind a load balancer may lag by a few blocks. */
const READ_BACK_MS = 60_000;
const READ_BACK_STEP_MS = 500;

export interface SubmitDeps {
  readonly config: Config;
  readonly db: Db;
  readonly chain: ChainClient;
  readonly signer: Keypair;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Milliseconds that the read-back waits for the submitted row. */
  readonly readBackMs?: number;
}

interface Submission {
  readonly uid: number;
  readonly lines: readonly WeightLine[];
  readonly asOf: Date;
}

/** The submission is noted before it is sent and completed after the row was read: a crash between the two shows as such. */
export async function submitAndReadBack(deps: SubmitDeps, submission: Submission): Promise<number> {
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
    await noteOutcome(deps, id, { error: messageOf(error) }).catch(() => undefined);
    throw error;
  }
}

async function noteSubmission({ db, config, now }: SubmitDeps, submission: Submission): Promise<bigint> {
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
  { db }: SubmitDeps,
  id: bigint,
  outcome: { block?: number; read_back_at?: Date; error?: string },
): Promise<void> {
  await db.updateTable("weight_submissions").set(outcome).where("submission_id", "=", id).execute();
}

/** @throws AppError `conflict` CHN003 when the row is still another one after the wait */
async function readBack(
  { chain, config, signal, readBackMs = READ_BACK_MS }: SubmitDeps,
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

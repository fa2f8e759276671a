import { type ExportJournal, newestEntryBlock, recordCommitted } from "../../domain/audit/export-journal-repository.js";
import { AppError } from "../../kernel/errors.js";
import { pause } from "../../kernel/lifecycle.js";
import type { ExportDeps } from "./export-deps.js";

/** Blocks are final after some 36 s on a public network; this is how long one run waits for that. */
const FINALITY_TIMEOUT_MS = 240_000;
const FIRST_STEP_MS = 50;
const LONGEST_STEP_MS = 2000;
/** A commitment that the chain dropped is made again; more often than this in one run the chain itself is in trouble. */
const MOST_COMMITMENTS = 3;

/**
 * Block that holds the report's hash for good. A commitment made before a crash is found on chain and not made twice; one that a fork
 * dropped is made again. Without commitments it is a final block that no other entry uses.
 * @throws AppError `unavailable` when the chain makes no progress; the next run goes on from here
 * @see protocol 08 §2.7
 */
export async function settledBlock(deps: ExportDeps, journal: ExportJournal): Promise<number> {
  if (!deps.config.audit.commit) return journal.block ?? (await note(deps, journal, await unusedBlock(deps)));
  let block = journal.block ?? (await commit(deps, journal));
  for (let made = 1; ; made += 1) {
    await finalizedFrom(deps, block);
    if (await isKept(deps, journal.reportSha256, block)) return block;
    if (made === MOST_COMMITMENTS) throw new AppError("unavailable", "the chain keeps dropping the commitment");
    deps.run.log.warn({ block }, "the chain dropped a commitment");
    block = await commit(deps, journal);
  }
}

async function commit(deps: ExportDeps, journal: ExportJournal): Promise<number> {
  const { netuid } = deps.config;
  const sha256Hex = journal.reportSha256;
  const newest = await deps.chain.latestCommitment(netuid, deps.signer.address);
  if (newest?.sha256Hex === sha256Hex) return note(deps, journal, newest.block);
  const { block } = await deps.chain.setCommitment(deps.signer, { netuid, sha256Hex });
  return note(deps, journal, block);
}

async function note(deps: ExportDeps, journal: ExportJournal, block: number): Promise<number> {
  await deps.db.transaction().execute(async (tx) => {
    await deps.run.guard(tx);
    await recordCommitted(tx, journal.exportId, block);
  });
  return block;
}

/** A node that kept neither state nor body of so young a block cannot contradict what it reported itself. */
async function isKept(deps: ExportDeps, sha256Hex: string, block: number): Promise<boolean> {
  const where = { netuid: deps.config.netuid, hotkey: deps.signer.address, block };
  const read = await deps.chain.commitmentAt(where);
  return read.kind === "unreadable" || (read.kind === "sha256" && read.hex === sha256Hex);
}

/** Entries are named by hotkey and block, so each takes a block of its own. */
async function unusedBlock(deps: ExportDeps): Promise<number> {
  return finalizedFrom(deps, (await newestEntryBlock(deps.db, deps.signer.address)) + 1);
}

/** Waits until a block is final. @returns the final head then */
async function finalizedFrom({ chain, run }: ExportDeps, block: number): Promise<number> {
  const deadline = performance.now() + FINALITY_TIMEOUT_MS;
  for (let stepMs = FIRST_STEP_MS; ; stepMs = Math.min(2 * stepMs, LONGEST_STEP_MS)) {
    const { number } = await chain.finalizedHead();
    if (number >= block) return number;
    run.signal.throwIfAborted();
    if (performance.now() > deadline) throw new AppError("unavailable", `block ${block} does not become final`);
    await pause(stepMs, run.signal);
  }
}

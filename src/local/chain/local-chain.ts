import { createHash, randomBytes } from "node:crypto";
import type {
  ChainHead,
  CommitmentRead,
  Inclusion,
  LatestCommitment,
  Metagraph,
  WeightEntry,
} from "../../infra/chain/client.js";
import { chainRefusal } from "../../infra/chain/errors.js";
import { parseAs, type SignedCall, Submission } from "../../infra/chain/local-protocol.js";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import type { Logger } from "../../kernel/logger.js";
import { verifyHotkeyMessage } from "../../wire/hotkey-signature.js";
import { initCrypto } from "../../wire/keypair.js";
import { decodeSs58 } from "../../wire/ss58.js";
import { addBalance, readBalance } from "./balance-store.js";
import { type BlockClock, blockNumberAt, blockOf, finalizedNumber } from "./block-clock.js";
import {
  openBlock,
  openStore,
  readHeight,
  readMetagraph,
  readNextNonce,
  readRules,
  readWeights,
  saveRules,
  spendNonce,
} from "./chain-store.js";
import { executeCall } from "./execute-call.js";
import {
  countNeurons,
  MAX_NEURONS,
  type NewNeuron,
  readCommitment,
  readLatestCommitment,
  saveNeurons,
} from "./registry-store.js";
import type { SubnetRules } from "./weight-checks.js";

/** What a fresh subnet has; a subtensor's own defaults except for commit-reveal. @see protocol 07 §1.2 */
const DEFAULT_RULES: SubnetRules = {
  commitReveal: false,
  rateLimitBlocks: 100,
  versionKey: 0n,
  minAllowed: 1,
  maxLimit: 65_535,
  stakeThresholdRao: 0n,
};

export interface LocalChainOptions {
  readonly db: Db;
  readonly log: Logger;
  readonly now: () => Date;
  /** Kept from the first start on; a chain cannot change its pace. */
  readonly blockTimeMs: number;
  readonly netuid: number;
  /** Rules that differ from the defaults; they replace the stored ones at every start. */
  readonly rules?: Partial<SubnetRules>;
}

/**
 * A chain for one machine, kept in Postgres: blocks tick by the clock and have no rows; every change is one transaction, so that a
 * killed process loses nothing it had confirmed. It checks what a subtensor checks before it stores weights or commitments. It does not
 * run consensus: incentive and consensus stay what `register` gave.
 */
export interface LocalChain {
  head(): Promise<ChainHead>;
  finalizedHead(): Promise<ChainHead>;
  blockAt(number: number): Promise<ChainHead | undefined>;
  /** @throws AppError `not_found` for a subnet that does not exist; so does `weightRules` */
  metagraph(netuid: number): Promise<Metagraph>;
  weightRules(netuid: number): Promise<SubnetRules>;
  weights(netuid: number, uid: number): Promise<WeightEntry[]>;
  commitmentAt(where: { netuid: number; hotkey: string; block: number }): Promise<CommitmentRead>;
  latestCommitment(netuid: number, hotkey: string): Promise<LatestCommitment | undefined>;
  /** Rao that an address may spend. */
  freeBalance(address: string): Promise<bigint>;
  account(hotkey: string): Promise<{ nextNonce: bigint; genesisHash: string }>;
  /** @throws AppError `invalid` for text that is not a submission, `conflict` CHN002 with the chain's error name */
  submit(signed: { payload: string; signature: string }): Promise<Inclusion>;
  /** The operator's door: puts keys on the subnet with stake and permit, or brings them up to date, 256 in all. Returns uid by hotkey. */
  register(neurons: readonly NewNeuron[]): Promise<Map<string, number>>;
  /** Gives an address coins, in rao, out of nothing. @throws AppError `invalid` for what is no address */
  fund(address: string, amountRao: bigint): Promise<void>;
  /** The operator's door: changes the subnet's rules. */
  setRules(rules: Partial<SubnetRules>): Promise<void>;
}

interface Deps extends LocalChainOptions {
  readonly clock: BlockClock;
}

/** Opens the chain that lives in `db`, or makes it. */
export async function createLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  await initCrypto();
  const clock = await openStore(options.db, freshClock(options));
  if (clock.blockTimeMs !== options.blockTimeMs) {
    const { blockTimeMs } = options;
    options.log.warn(
      { blockTimeMs, keptMs: clock.blockTimeMs },
      "the local chain keeps the block time it was made with",
    );
  }
  const { db, netuid } = options;
  const deps: Deps = { ...options, clock };
  const stored = (await readRules(db, netuid)) ?? DEFAULT_RULES;
  await saveRules(db, netuid, { ...stored, ...options.rules });
  return {
    head: async () => blockOf(clock, await heightOf(deps)),
    finalizedHead: async () => blockOf(clock, finalizedNumber(await heightOf(deps))),
    blockAt: async (number) => (number <= (await heightOf(deps)) ? blockOf(clock, number) : undefined),
    async metagraph(subnet) {
      await rulesOf(db, subnet);
      return readMetagraph(db, subnet, await heightOf(deps));
    },
    weightRules: (subnet) => rulesOf(db, subnet),
    weights: (subnet, uid) => readWeights(db, subnet, uid),
    commitmentAt: (where) => readCommitment(db, where),
    latestCommitment: (subnet, hotkey) => readLatestCommitment(db, subnet, hotkey),
    freeBalance: (address) => readBalance(db, address),
    async fund(address, amountRao) {
      if (decodeSs58(address) === undefined)
        throw new AppError("invalid", "fund: the address is not a valid SS58 address");
      await addBalance(db, address, amountRao);
    },
    account: async (hotkey) => ({ nextNonce: await readNextNonce(db, hotkey), genesisHash: clock.genesisHash }),
    submit: (signed) => submit(deps, signed),
    register: (neurons) => register(deps, neurons),
    setRules: async (rules) => saveRules(db, netuid, { ...(await rulesOf(db, netuid)), ...rules }),
  };
}

/** Block 0 lies one block back, so that nothing is ever included in it: a last update of 0 means "never". */
function freshClock({ now, blockTimeMs }: LocalChainOptions): BlockClock {
  const genesisHash = `0x${createHash("sha256").update(randomBytes(32)).digest("hex")}`;
  return { genesisHash, genesisAt: new Date(now().getTime() - blockTimeMs), blockTimeMs };
}

function heightOf({ db, clock, now }: Deps): Promise<number> {
  return readHeight(db, blockNumberAt(clock, now()));
}

async function rulesOf(db: Db, netuid: number): Promise<SubnetRules> {
  const rules = await readRules(db, netuid);
  if (rules === undefined) throw new AppError("not_found", `subnet ${netuid} does not exist on this chain`);
  return rules;
}

async function submit(deps: Deps, signed: { payload: string; signature: string }): Promise<Inclusion> {
  const { call, genesisHash, hotkey, nonce } = readSubmission(signed.payload);
  const isSigned = verifyHotkeyMessage({ hotkey, message: signed.payload, signatureHex: signed.signature });
  if (!isSigned || genesisHash !== deps.clock.genesisHash) throw chainRefusal(call.method, "BadProof");
  const outcome = await deps.db.transaction().execute(async (trx) => {
    const block = await openBlock(trx, blockNumberAt(deps.clock, deps.now()));
    if (!(await spendNonce(trx, hotkey, BigInt(nonce)))) return { block, refusal: "Stale" };
    // A refused call still spends its nonce, or whoever saw it could send it again when the rules let it through.
    return { block, refusal: await executeCall(trx, { hotkey, block }, call) };
  });
  if (outcome.refusal !== undefined) throw chainRefusal(call.method, outcome.refusal);
  deps.log.info({ hotkey, method: call.method, block: outcome.block }, "local chain included a call");
  return { block: outcome.block, blockHash: blockOf(deps.clock, outcome.block).hash };
}

function readSubmission(payload: string): SignedCall {
  const submission = parseAs(Submission, parseText(payload), "submission");
  const { hotkey, call } = submission;
  if ([hotkey, ...addressesIn(call)].some((address) => decodeSs58(address) === undefined)) {
    throw new AppError("invalid", "submission: an address is not a valid SS58 address");
  }
  return submission;
}

function addressesIn(call: SignedCall["call"]): readonly string[] {
  switch (call.method) {
    case "register":
      return [call.coldkey];
    case "transfer_all":
      return [call.dest];
    case "set_weights":
    case "set_commitment":
      return [];
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "submission: the payload is not JSON", { cause });
  }
}

function register({ db, netuid, now, clock }: Deps, neurons: readonly NewNeuron[]): Promise<Map<string, number>> {
  return db.transaction().execute(async (trx) => {
    await openBlock(trx, blockNumberAt(clock, now()));
    const { total, known } = await countNeurons(
      trx,
      netuid,
      neurons.map((neuron) => neuron.hotkey),
    );
    if (total + neurons.length - known > MAX_NEURONS) throw chainRefusal("register", "NoNeuronIdAvailable");
    return saveNeurons(trx, netuid, neurons);
  });
}

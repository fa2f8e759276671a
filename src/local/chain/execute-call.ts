import type { ChainCall, SetWeightsCall } from "../../infra/chain/local-protocol.js";
import type { Db } from "../../infra/postgres/client.js";
import { moveAll } from "./balance-store.js";
import { readRules, readWeightsState, saveWeights } from "./chain-store.js";
import { countCommitments, countNeurons, MAX_NEURONS, saveCommitment, saveNeurons } from "./registry-store.js";
import { maxUpscale, refusalOfWeights } from "./weight-checks.js";

/** A hotkey may commit so often in one epoch of the chain. @see protocol 08 §2.7 */
const COMMITMENTS_PER_EPOCH = 31;
const EPOCH_BLOCKS = 360;

interface Origin {
  readonly hotkey: string;
  readonly block: number;
}

/** Carries out a signed call inside the open block. Returns the chain's name for a refusal; then nothing was changed. */
export function executeCall(trx: Db, origin: Origin, call: ChainCall): Promise<string | undefined> {
  switch (call.method) {
    case "set_weights":
      return setWeights(trx, origin, call);
    case "set_commitment":
      return setCommitment(trx, origin, call);
    case "register":
      return register(trx, origin, call);
    case "transfer_all":
      return moveAll(trx, { from: origin.hotkey, to: call.dest });
  }
}

async function setWeights(trx: Db, origin: Origin, call: SetWeightsCall): Promise<string | undefined> {
  const { netuid, dests, values } = call;
  const state = await readWeightsState(trx, { netuid, ...origin });
  const refusal = refusalOfWeights({ dests, values, versionKey: BigInt(call.versionKey) }, state);
  if (refusal !== undefined || state.own === undefined) return refusal;
  const at = { netuid, uid: state.own.uid, block: origin.block };
  await saveWeights(trx, at, { dests, values: maxUpscale(values) });
  return undefined;
}

async function setCommitment(
  trx: Db,
  { hotkey, block }: Origin,
  call: { netuid: number; sha256: string },
): Promise<string | undefined> {
  const { known } = await countNeurons(trx, call.netuid, [hotkey]);
  if (known === 0) return "AccountNotAllowedCommit";
  const fromBlock = block - (block % EPOCH_BLOCKS);
  const spent = await countCommitments(trx, { netuid: call.netuid, hotkey, fromBlock });
  if (spent >= COMMITMENTS_PER_EPOCH) return "SpaceLimitExceeded";
  await saveCommitment(trx, { netuid: call.netuid, hotkey, block }, call.sha256);
  return undefined;
}

async function register(
  trx: Db,
  { hotkey }: Origin,
  call: { netuid: number; coldkey: string },
): Promise<string | undefined> {
  if ((await readRules(trx, call.netuid)) === undefined) return "MechanismDoesNotExist";
  const { total, known } = await countNeurons(trx, call.netuid, [hotkey]);
  if (known > 0) return "HotKeyAlreadyRegisteredInSubNet";
  if (total >= MAX_NEURONS) return "NoNeuronIdAvailable";
  await saveNeurons(trx, call.netuid, [{ hotkey, coldkey: call.coldkey }]);
  return undefined;
}

import { randomBytes, randomUUID } from "node:crypto";
import type { Static } from "typebox";
import { effectiveMultiplier } from "../../../domain/chutes/multiplier.js";
import { selectorFacts } from "../../../domain/chutes/pricing.js";
import { type Binding, bindInstance } from "../../../domain/instances/binding-repository.js";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import {
  failLaunch,
  type Launch,
  launchChute,
  recordHandOver,
  takeLaunch,
} from "../../../domain/instances/launch-repository.js";
import { type LaunchSession, openSession } from "../../../domain/instances/launch-session.js";
import { launchState, stepFrom } from "../../../domain/instances/launch-state.js";
import { chutePortOf } from "../../../domain/instances/port-mapping.js";
import { minerByHotkey } from "../../../domain/metagraph/metagraph-repository.js";
import { refuseBlacklisted } from "../../../domain/metagraph/miner.js";
import { requireKeyHandOver } from "../../../domain/nodes/gpu-verification.js";
import { checkHost } from "../../../domain/nodes/host-rule.js";
import { resolveHost } from "../../../infra/dns/resolve-host.js";
import { AppError } from "../../../kernel/errors.js";
import { launchProofText } from "../../../wire/legacy-cipher.js";
import { hourlyPriceUsd, supportedGpus } from "../../../wire/node-selector.js";
import { newX25519 } from "../../../wire/session-key.js";
import { demandFor } from "./demand.js";
import { type SealedKey, sealKey } from "./key-hand-over.js";
import type { ClaimBody } from "./launch-bodies.js";
import type { LaunchDeps } from "./launch-deps.js";

type Claim = Static<typeof ClaimBody>;

/** Answer to a claim, in its wire form. @see protocol 05 §6.4 */
export interface ClaimAnswer {
  readonly seed: bigint;
  readonly iterations: number;
  readonly job_id: null;
  readonly symmetric_key: { readonly ciphertext: string; readonly uuid: string; readonly response_plaintext: string };
  readonly validator_pubkey?: string;
}

/**
 * Turns a launch into an instance on the miner's GPUs and hands its key over. The token's single use is taken first; whatever
 * goes wrong afterwards fails the launch for good.
 * @throws AppError: the wire's answers of protocol 05 §6.4
 */
export async function claimLaunch(deps: LaunchDeps, launch: Launch, claim: Claim): Promise<ClaimAnswer> {
  const { db, now, log } = deps;
  stepFrom(launchState(launch), "claim");
  if (!(await takeLaunch(db, launch.configId, now()))) stepFrom("claimed", "claim");
  try {
    return await startInstance(deps, launch, claim);
  } catch (error) {
    const reason = error instanceof AppError ? error.message : "the platform failed to start the instance";
    log.info({ configId: launch.configId, minerHotkey: launch.minerHotkey, reason }, "launch claim failed");
    await failLaunch(db, { configId: launch.configId, reason, now: now() });
    throw error;
  }
}

async function startInstance(deps: LaunchDeps, launch: Launch, claim: Claim): Promise<ClaimAnswer> {
  const { config, db, now, log, gpuTable } = deps;
  requireKeyHandOver(config.gpuVerification);
  const chute = await launchableChute(deps, launch);
  await checkHost(claim.host, { allowPrivate: config.instances.allowPrivateHosts, resolve: resolveHost });
  checkEgress(chute, claim);
  const session = openSession(claim, {
    configId: launch.configId,
    nonce: launch.nonce,
    chutesVersion: chute.chutesVersion,
    ownKey: newX25519(),
  });
  const binding = await bindingOf(deps, { launch, chute, claim, session });
  const instance = await bindInstance(db, binding);
  const gpus = { uuids: binding.gpuUuids, model: instance.gpuModelName };
  const sealed = sealKey(gpuTable, gpus, binding.symmetricKeyHex);
  const { configId, host, port } = binding;
  await recordHandOver(db, { configId, instance, host, port, seed: sealed.seed, now: now() });
  log.info({ configId, chuteId: chute.chuteId, instanceId: instance.instanceId }, "instance claimed");
  return answerOf(launch.configId, sealed, session);
}

async function launchableChute({ config, db }: LaunchDeps, launch: Launch): Promise<LaunchChute> {
  const [chute, miner] = await Promise.all([
    launchChute(db, launch.chuteId),
    minerByHotkey(db, config.netuid, launch.minerHotkey),
  ]);
  if (chute === undefined) throw new AppError("not_found", `Chute ${launch.chuteId} not found`);
  if (chute.disabled) throw new AppError("locked_resource", `Chute ${chute.chuteId} is disabled`);
  if (miner === undefined) throw new AppError("forbidden", "Your hotkey is no longer registered on the subnet");
  refuseBlacklisted(miner);
  return chute;
}

/** The container locks its network by this setting, so it must be the chute's. @see protocol 05 §6.9 */
function checkEgress(chute: LaunchChute, { egress }: Claim): void {
  if (egress === undefined || egress === null || egress === chute.allowExternalEgress) return;
  throw new AppError("forbidden", `egress must be ${chute.allowExternalEgress} for this chute`);
}

interface ClaimedLaunch {
  readonly launch: Launch;
  readonly chute: LaunchChute;
  readonly claim: Claim;
  readonly session: LaunchSession;
}

async function bindingOf(deps: LaunchDeps, { launch, chute, claim, session }: ClaimedLaunch): Promise<Binding> {
  const { config, gpuTable, now } = deps;
  const demand = await demandFor(deps, chute);
  const portMappings = claim.port_mappings.map((mapping) => ({ ...mapping, default: mapping.default ?? false }));
  const base = selectorFacts(gpuTable, chute.nodeSelector).computeMultiplier;
  const priced = { ...chute, isPrivate: demand.isPrivate, base, rules: config.instances };
  return {
    instanceId: randomUUID(),
    configId: launch.configId,
    chute,
    miner: { uid: launch.minerUid, hotkey: launch.minerHotkey, coldkey: launch.minerColdkey },
    // One spelling, or else the uniqueness of addresses could be dodged.
    host: claim.host.toLowerCase(),
    port: chutePortOf(portMappings),
    portMappings,
    symmetricKeyHex: randomBytes(16).toString("hex"),
    transport: session.transport,
    computeMultiplier: effectiveMultiplier(priced).effective,
    hourlyRateUsd: hourlyPriceUsd(gpuTable, chute.nodeSelector),
    billedTo: demand.isPrivate ? chute.userId : null,
    gpuUuids: claim.gpus.map(({ uuid }) => uuid),
    supported: supportedGpus(gpuTable, chute.nodeSelector),
    demand,
    // In a lab several miners share one machine.
    exclusiveHost: !config.instances.allowPrivateHosts,
    now: now(),
  };
}

function answerOf(configId: string, sealed: SealedKey, session: LaunchSession): ClaimAnswer {
  return {
    seed: sealed.seed,
    iterations: sealed.iterations,
    job_id: null,
    symmetric_key: {
      ciphertext: sealed.ciphertext,
      uuid: sealed.uuid,
      response_plaintext: launchProofText(configId, sealed.seed),
    },
    ...(session.validatorPublicHex !== undefined && { validator_pubkey: session.validatorPublicHex }),
  };
}

import { raisesMultiplier } from "../../../domain/bounties/bounty.js";
import { claimForActivation, dropBounty } from "../../../domain/bounties/bounty-store.js";
import { effectiveMultiplier } from "../../../domain/chutes/multiplier.js";
import { selectorFacts } from "../../../domain/chutes/pricing.js";
import { activateInstance, type Earnings } from "../../../domain/instances/activation-repository.js";
import { capacityCounts } from "../../../domain/instances/binding-repository.js";
import { mayActivate } from "../../../domain/instances/capacity.js";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import {
  failLaunch,
  type Launch,
  type LaunchedInstance,
  launchChute,
} from "../../../domain/instances/launch-repository.js";
import { launchState, stepFrom } from "../../../domain/instances/launch-state.js";
import { AppError } from "../../../kernel/errors.js";
import { demandFor } from "./demand.js";
import type { LaunchDeps } from "./launch-deps.js";

const DEFAULT_SHUTDOWN_SECONDS = 300;

/**
 * Lets the verified instance of a launch serve; asking again changes nothing.
 * @throws AppError `forbidden` not verified, `not_found` gone, `locked_resource` enough others serve, `gone` started up too slowly
 * @see protocol 05 §6.6
 */
export async function activateLaunch(deps: LaunchDeps, launch: Launch): Promise<{ ok: true }> {
  stepFrom(launchState(launch), "activate");
  const { instance } = launch;
  if (instance === undefined) throw new AppError("not_found", "The instance of this launch config is gone");
  if (instance.active) return { ok: true };
  await refuseSlowStart(deps, launch, instance);
  await activate(deps, launch, instance);
  return { ok: true };
}

async function refuseSlowStart(
  { config, db, now }: LaunchDeps,
  launch: Launch,
  instance: LaunchedInstance,
): Promise<void> {
  const limitSeconds = config.instances.maxStartupSeconds;
  const at = now();
  if (at.getTime() - instance.createdAt.getTime() <= limitSeconds * 1000) return;
  const reason = `the instance took longer than ${limitSeconds} s to start`;
  await failLaunch(db, { configId: launch.configId, reason, now: at });
  throw new AppError("gone", reason);
}

async function activate(deps: LaunchDeps, launch: Launch, { instanceId }: LaunchedInstance): Promise<void> {
  const { db, now, log } = deps;
  const { chuteId, minerHotkey } = launch;
  const chute = await launchChute(db, chuteId);
  if (chute === undefined) throw new AppError("not_found", `Chute ${chuteId} not found`);
  const [{ target, isPrivate }, { active }] = await Promise.all([
    demandFor(deps, chute),
    capacityCounts(db, chuteId, minerHotkey),
  ]);
  if (!mayActivate({ active, target })) throw new AppError("locked_resource", `Chute ${chuteId} is at capacity`);
  const at = now();
  const idleMs = (chute.shutdownAfterSeconds ?? DEFAULT_SHUTDOWN_SECONDS) * 1000;
  const won = await activateInstance(db, {
    instanceId,
    now: at,
    stopBillingAt: isPrivate ? new Date(at.getTime() + idleMs) : null,
    earn: () => earn(deps, { chute, isPrivate, instanceId }),
  });
  if (won) log.info({ chuteId, instanceId, minerHotkey }, "instance activated");
}

interface Earner {
  readonly chute: LaunchChute;
  readonly isPrivate: boolean;
  readonly instanceId: string;
}

/** The instance names the attempt: one whose transaction failed after its claim finds its bounty again. @see protocol 03 §11.4 */
async function earn(deps: LaunchDeps, { chute, isPrivate, instanceId }: Earner): Promise<Earnings> {
  const { config, redis, now, gpuTable } = deps;
  const { chuteId } = chute;
  const base = selectorFacts(gpuTable, chute.nodeSelector).computeMultiplier;
  const facts = { ...chute, isPrivate, base, rules: config.instances };
  if (raisesMultiplier(config.bounties)) {
    const claim = { chuteId, attemptId: instanceId, rules: config.bounties, now: now() };
    const bounty = await claimForActivation(redis, claim);
    const { effective } = effectiveMultiplier({ ...facts, bountyBoost: bounty?.boost });
    return { computeMultiplier: effective, bounty: bounty !== undefined };
  }
  // Where calls claim bounties, private instances get no amount: scoring counts each of them as one bounty.
  if (isPrivate) await dropBounty(redis, chuteId);
  return { computeMultiplier: effectiveMultiplier(facts).effective, bounty: false };
}

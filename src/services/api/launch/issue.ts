import { randomBytes, randomUUID } from "node:crypto";
import { capacityCounts } from "../../../domain/instances/binding-repository.js";
import { decideCapacity, requireCapacity } from "../../../domain/instances/capacity.js";
import { insertLaunch, launchChute } from "../../../domain/instances/launch-repository.js";
import { type RegisteredMiner, refuseBlacklisted } from "../../../domain/metagraph/miner.js";
import { requireKeyHandOver } from "../../../domain/nodes/gpu-verification.js";
import { AppError } from "../../../kernel/errors.js";
import { compareVersions } from "../../../wire/versions.js";
import { demandFor } from "./demand.js";
import type { LaunchDeps } from "./launch-deps.js";
import { signLaunchToken } from "./launch-token.js";

/** Containers from here on fetch a nonce before they claim. @see protocol 05 §6.0 */
const NONCE_SINCE = "0.4.9";

/**
 * Lets a miner start one instance of a chute.
 * @throws AppError `forbidden` blacklisted, `not_found` no such chute, `locked_resource` at capacity or disabled, `unavailable` when
 *   this platform cannot verify that kind of instance
 * @see protocol 05 §6.1
 */
export async function issueLaunch(
  deps: LaunchDeps,
  miner: RegisteredMiner,
  chuteId: string,
): Promise<{ token: string; config_id: string }> {
  const { config, db, now } = deps;
  refuseBlacklisted(miner);
  const chute = await launchChute(db, chuteId);
  if (chute === undefined) throw new AppError("not_found", `Chute ${chuteId} not found`);
  if (chute.disabled) throw new AppError("locked_resource", `Chute ${chuteId} is disabled`);
  if (chute.tee) throw new AppError("unavailable", "instances of TEE chutes cannot be verified here");
  requireKeyHandOver(config.gpuVerification);
  const [demand, counts] = await Promise.all([demandFor(deps, chute), capacityCounts(db, chuteId, miner.hotkey)]);
  requireCapacity(decideCapacity({ ...demand, ...counts }), chuteId);
  const launch = {
    configId: randomUUID(),
    chute,
    miner,
    envKey: randomBytes(16).toString("hex"),
    nonce: compareVersions(chute.chutesVersion, NONCE_SINCE) >= 0 ? randomBytes(16).toString("hex") : null,
    now: now(),
  };
  await insertLaunch(db, launch);
  return { token: signLaunchToken(config, launch), config_id: launch.configId };
}

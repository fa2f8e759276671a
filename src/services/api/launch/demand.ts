import { bountyOf } from "../../../domain/bounties/bounty-store.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import type { Demand } from "../../../domain/instances/binding-repository.js";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import { scaleTarget } from "../../../domain/instances/scale-store.js";
import type { LaunchDeps } from "./launch-deps.js";

/** What owners pay for when they name no number. @see protocol 03 §5.1 */
const DEFAULT_MAX_INSTANCES = 1;

/**
 * How much a chute is wanted right now. While nobody set a target, a private chute grows no further than its owner said.
 * @see protocol 05 §6.8
 */
export async function demandFor({ config, redis, now }: LaunchDeps, chute: LaunchChute): Promise<Demand> {
  const [target, bounty] = await Promise.all([
    scaleTarget(redis, chute.chuteId),
    bountyOf(redis, chute.chuteId, now()),
  ]);
  const isOwnersCost = isPrivate(chute, config.platformUsername);
  const limit = isOwnersCost ? (chute.maxInstances ?? DEFAULT_MAX_INSTANCES) : undefined;
  return { target: target ?? limit, hasBounty: bounty !== undefined, isPrivate: isOwnersCost };
}

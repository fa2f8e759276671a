import { bountyOf } from "../../../domain/bounties/bounty-store.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import type { Demand } from "../../../domain/instances/binding-repository.js";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import { scaleTarget } from "../../../domain/instances/scale-store.js";
import type { LaunchDeps } from "./launch-deps.js";

/** How much a chute is wanted right now. @see protocol 05 §6.8 */
export async function demandFor({ config, redis, now }: LaunchDeps, chute: LaunchChute): Promise<Demand> {
  const [target, bounty] = await Promise.all([
    scaleTarget(redis, chute.chuteId),
    bountyOf(redis, chute.chuteId, now()),
  ]);
  return { target, hasBounty: bounty !== undefined, isPrivate: isPrivate(chute, config.platformUsername) };
}

import { requestBounty } from "../../../domain/bounties/bounty-store.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import { publish } from "../../../infra/redis/pubsub.js";
import { AppError } from "../../../kernel/errors.js";
import { bountyChange } from "../../../wire/events.js";
import type { ApiDeps } from "../deps.js";

/**
 * Offers a bounty for a chute that nobody serves; miners hear of it at most once in 30 s.
 * @returns the refusal of the call; the SDK tries again on its status 503
 * @see protocol 04 §5.5
 */
export async function wakeChute(
  { redis, log, now, config }: Pick<ApiDeps, "redis" | "log" | "now" | "config">,
  chute: Chute,
): Promise<AppError> {
  const { chuteId } = chute;
  try {
    const bounty = { chuteId, isPrivate: isPrivate(chute, config.platformUsername), now: now() };
    const { amount, notify } = await requestBounty(redis, bounty);
    const events = notify ? bountyChange({ chuteId, bountyUnits: amount }) : [];
    await Promise.all(events.map(({ channel, payload }) => publish(redis, channel, payload)));
  } catch (error) {
    log.warn({ err: error, chuteId }, "a bounty could not be offered");
  }
  return new AppError("unavailable", `No instances available (yet) for chute_id='${chuteId}'`);
}

import { offerBounty } from "../../../domain/bounties/bounty-store.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import type { GatewayMemory } from "./gateway-memory.js";

export interface ColdChuteDeps extends Pick<ApiDeps, "redis" | "log" | "now" | "config"> {
  readonly memory: Pick<GatewayMemory, "isUpdating">;
}

/**
 * Offers a bounty for a chute that nobody serves, unless its instances are being replaced; miners hear of it at most once in
 * 30 s.
 * @returns the refusal of the call; the SDK tries again on its status 503
 * @see protocol 04 §5.5, 03 §11.1
 */
export async function wakeChute({ redis, log, now, config, memory }: ColdChuteDeps, chute: Chute): Promise<AppError> {
  const { chuteId } = chute;
  try {
    const isWanted = !(await memory.isUpdating(chuteId));
    const wanted = {
      chuteId,
      isPrivate: isPrivate(chute, config.platformUsername),
      rules: config.bounties,
      now: now(),
    };
    if (isWanted) await offerBounty(redis, wanted);
  } catch (error) {
    log.warn({ err: error, chuteId }, "a bounty could not be offered");
  }
  return new AppError("unavailable", `No instances available (yet) for chute_id='${chuteId}'`);
}

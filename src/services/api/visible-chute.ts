import type { FastifyRequest } from "fastify";
import { findChuteId } from "../../domain/chutes/chute-name-repository.js";
import { AppError } from "../../kernel/errors.js";
import type { ApiDeps } from "./deps.js";

/**
 * Id of the chute that the text means to the caller.
 * @throws AppError `not_found` also for chutes that exist but are none of the caller's business
 * @see protocol 03 §9.1
 */
export async function visibleChuteId(
  { db, config }: Pick<ApiDeps, "db" | "config">,
  request: FastifyRequest,
  idOrName: string,
): Promise<string> {
  const userId = request.principal.account?.userId ?? null;
  const chuteId = await findChuteId(db, idOrName, { userId, platformUsername: config.platformUsername });
  if (chuteId === undefined) throw chuteNotFound();
  return chuteId;
}

/** Name under which strangers see a private chute where its numbers are public. @see protocol 03 §9.1 */
export const MASKED_NAME = "[private chute]";

/** The one answer for what does not exist and for what must stay hidden. */
export function chuteNotFound(): AppError {
  return new AppError("not_found", "Chute not found.");
}

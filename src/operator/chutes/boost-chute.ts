import { namedChute, setManualBoost } from "../../domain/chutes/boost-repository.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";

export interface BoostRequest {
  /** An id, or `USERNAME/NAME`. */
  readonly chute: string;
  /** Factor within (0, 20]; null takes the boost away. */
  readonly boost: number | null;
  readonly dryRun: boolean;
}

/** What was done, or under `dry_run` would be. */
export interface BoostReport {
  readonly chute_id: string;
  readonly chute: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly dry_run: boolean;
}

const HIGHEST_BOOST = 20;

/**
 * Makes a chute worth more, or less, to miners.
 * @throws AppError `invalid` for a factor that does not count, `not_found`
 * @see protocol 03 §6.5
 */
export async function boostChute(ctx: Context, { chute, boost, dryRun }: BoostRequest): Promise<BoostReport> {
  if (boost !== null && !(boost > 0 && boost <= HIGHEST_BOOST))
    throw new AppError("invalid", `a boost must be above 0 and at most ${HIGHEST_BOOST}`, {
      fix: "chutes boost CHUTE 1.5",
    });
  requireSettings(ctx.config, ["postgres.url"]);
  const db = openPostgres({ ...ctx.config.postgres, poolSize: 1 });
  try {
    const found = await namedChute(db, chute);
    if (found === undefined)
      throw new AppError("not_found", `there is no chute ${chute}`, { fix: "give its id, or USERNAME/NAME" });
    if (!dryRun) await setManualBoost(db, { chuteId: found.chuteId, boost, now: ctx.now() });
    return {
      chute_id: found.chuteId,
      chute: `${found.ownerUsername}/${found.name}`,
      before: found.manualBoost,
      after: boost,
      dry_run: dryRun,
    };
  } finally {
    await db.destroy();
  }
}

import { confirmReport as confirm } from "../../domain/invocations/report-repository.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";

/**
 * Confirms a report in the name of the platform's account. Doing it again changes nothing.
 * @returns false when it was confirmed before
 * @throws AppError `not_found`
 * @see protocol 04 §12.7
 */
export async function confirmReport(
  { config, now }: Context,
  { invocationId, dryRun }: { readonly invocationId: string; readonly dryRun: boolean },
): Promise<boolean> {
  requireSettings(config, ["postgres.url"]);
  const db = openPostgres({ ...config.postgres, poolSize: 1 });
  try {
    const confirmation = { invocationId, username: config.platformUsername, now: now(), dryRun };
    const outcome = await confirm(db, confirmation);
    if (outcome === "unknown") throw new AppError("not_found", `nobody reported the call ${invocationId}`);
    return outcome === "confirmed";
  } finally {
    await db.destroy();
  }
}

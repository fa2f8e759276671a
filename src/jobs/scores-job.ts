import { inSnapshot } from "../domain/audit/export-repository.js";
import type { ProfileName } from "../domain/scoring/profiles.js";
import { scoreMiners } from "../domain/scoring/score.js";
import { scoringInputs } from "../domain/scoring/score-inputs-repository.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import type { Job, JobRun } from "./job.js";

/** Name of the snapshot that `GET /miner/scores` reads. */
const SNAPSHOT = "miner_scores";

/** Recomputes the published scores; never inside a request. @see protocol 07 §3.8 */
export function scoresJob(deps: { readonly db: Db; readonly config: Config }): Job {
  return {
    name: "scores",
    summary: "Recompute the published miner scores",
    everySeconds: deps.config.jobs.scoresSeconds,
    timeoutSeconds: 300,
    critical: true,
    run: (run) => publishScores(deps, run),
  };
}

async function publishScores(
  { db, config }: { readonly db: Db; readonly config: Config },
  run: JobRun,
): Promise<{ items: number }> {
  const asOf = run.now();
  const { oneHotkeyPerColdkey } = config.scoring;
  const profile = config.scoring.profile as ProfileName;
  const question = { profile, netuid: config.netuid, asOf, oneHotkeyPerColdkey };
  const sheet = scoreMiners(profile, await inSnapshot(db, (snapshot) => scoringInputs(snapshot, question)));
  const body = JSON.stringify({
    raw_values: Object.fromEntries(sheet.raw),
    final_scores: Object.fromEntries(sheet.scores),
  });
  await db.transaction().execute(async (tx) => {
    await run.guard(tx);
    await tx
      .insertInto("cache_snapshots")
      .values({ name: SNAPSHOT, body, computed_at: asOf })
      .onConflict((oc) => oc.column("name").doUpdateSet({ body, computed_at: asOf }))
      .execute();
  });
  return { items: sheet.scores.size };
}

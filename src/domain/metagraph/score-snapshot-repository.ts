import type { Db } from "../../infra/postgres/client.js";

/** Name under which the last published scores are kept. */
const SCORES_SNAPSHOT = "miner_scores";

/** Published scores: maps by hotkey, except `totals`. @see protocol 07 §3.8 */
export type PublishedScores = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The scores as they were last published, or undefined before the first time. */
export async function publishedScores(db: Db): Promise<PublishedScores | undefined> {
  const row = await db
    .selectFrom("cache_snapshots")
    .select("body")
    .where("name", "=", SCORES_SNAPSHOT)
    .executeTakeFirst();
  return row?.body as PublishedScores | undefined;
}

/** The scores with every map but `totals` cut down to one hotkey, null where it has none. @see protocol 07 §3.8 */
export function scoresOf(scores: PublishedScores, hotkey: string): PublishedScores {
  const entries = Object.entries(scores).map(
    ([name, map]) => [name, name === "totals" ? map : { [hotkey]: map[hotkey] ?? null }] as const,
  );
  return Object.fromEntries(entries);
}

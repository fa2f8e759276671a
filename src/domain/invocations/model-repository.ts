import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { NodeSelector } from "../../wire/node-selector.js";

/** What an engine says about the model it serves. */
export type ModelDetails = Readonly<Record<string, unknown>>;

/** A public language model with what its engine said of it last. */
export interface ListedModel {
  readonly chuteId: string;
  readonly name: string;
  readonly tee: boolean;
  readonly nodeSelector: NodeSelector;
  /** Fraction off the price. */
  readonly discount: number;
  /** Requests in flight per instance; null and 0 mean 1. */
  readonly concurrency: number | null;
  readonly details: ModelDetails;
}

const LIMIT = 1000;
/** Details of a chute are the snapshot of this name and its id. */
const SNAPSHOT = "llm_details:";

/** Public language models of one owner whose details are known, most used of the past day first. @see protocol 04 §12.1 */
export async function listedModels(db: Db, ownerUsername: string): Promise<ListedModel[]> {
  const { rows } = await sql<ListedModel>`
    select c.chute_id as "chuteId", c.name, c.tee, c.node_selector as "nodeSelector", c.discount, c.concurrency, s.body as details
    from chutes c join users u using (user_id) join cache_snapshots s on s.name = ${SNAPSHOT} || c.chute_id
    where lower(u.username) = lower(${ownerUsername}) and c.public and not c.disabled and c.standard_template = 'vllm'
    order by c.invocation_count desc, c.name limit ${LIMIT}`.execute(db);
  return rows;
}

/** The same models with a live instance whose details are unknown or older than a moment, those unknown first. */
export async function modelsToAsk(db: Db, ownerUsername: string, askedBefore: Date): Promise<string[]> {
  const { rows } = await sql<{ chuteId: string }>`
    select c.chute_id as "chuteId"
    from chutes c join users u using (user_id) left join cache_snapshots s on s.name = ${SNAPSHOT} || c.chute_id
    where lower(u.username) = lower(${ownerUsername}) and c.public and not c.disabled and c.standard_template = 'vllm'
      and (s.computed_at is null or s.computed_at < ${askedBefore}::timestamptz)
      and exists (select from instances i where i.chute_id = c.chute_id and i.active and i.verified)
    order by s.computed_at nulls first, c.chute_id limit ${LIMIT}`.execute(db);
  return rows.map(({ chuteId }) => chuteId);
}

/** Keeps what engines said, by chute id as JSON, and forgets chutes that are gone. */
export async function saveModelDetails(tx: Db, details: ReadonlyMap<string, string>, now: Date): Promise<void> {
  if (details.size > 0) {
    const rows = [...details].map(([chuteId, body]) => ({ name: `${SNAPSHOT}${chuteId}`, body, computed_at: now }));
    await tx
      .insertInto("cache_snapshots")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("name").doUpdateSet((row) => ({
          body: row.ref("excluded.body"),
          computed_at: row.ref("excluded.computed_at"),
        })),
      )
      .execute();
  }
  await sql`
    delete from cache_snapshots s where starts_with(s.name, ${SNAPSHOT})
      and not exists (select from chutes c where s.name = ${SNAPSHOT} || c.chute_id)`.execute(tx);
}

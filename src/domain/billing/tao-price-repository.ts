import type { Db } from "../../infra/postgres/client.js";

/** A price of TAO as it was learned. */
export interface ObservedTaoPrice {
  readonly usd: number;
  readonly observedAt: Date;
}

/** The newest price, however old; undefined when none was ever learned. @see protocol 03 §7.4 */
export async function newestTaoPrice(db: Db): Promise<ObservedTaoPrice | undefined> {
  const row = await db
    .selectFrom("tao_prices")
    .select(["usd", "observed_at"])
    .orderBy("observed_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && { usd: row.usd, observedAt: row.observed_at };
}

/** Keeps a price; two processes that learn one at the same instant keep the first. */
export async function saveTaoPrice(db: Db, price: ObservedTaoPrice, source: string): Promise<void> {
  await db
    .insertInto("tao_prices")
    .values({ observed_at: price.observedAt, source, usd: price.usd })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

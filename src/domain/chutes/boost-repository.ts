import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { invalidate } from "../outbox/outbox-repository.js";

/** A chute that somebody made worth more to miners. */
export interface BoostedChute {
  readonly chuteId: string;
  readonly name: string;
  readonly public: boolean;
  readonly ownerUsername: string;
  /** Urgency, written by the autoscaler. */
  readonly boost: number | null;
  /** Set by an operator. */
  readonly manualBoost: number | null;
}

/** Chutes with a boost of either kind above 1, the highest first. @see protocol 03 §9.8 */
export async function boostedChutes(db: Db, limit: number): Promise<BoostedChute[]> {
  return db
    .selectFrom("chutes as c")
    .innerJoin("users as u", "u.user_id", "c.user_id")
    .leftJoin("chute_manual_boosts as m", "m.chute_id", "c.chute_id")
    .select([
      "c.chute_id as chuteId",
      "c.name",
      "c.public",
      "u.username as ownerUsername",
      "c.boost",
      "m.boost as manualBoost",
    ])
    .where(({ or, eb }) => or([eb("c.boost", ">", 1), eb("m.boost", ">", 1)]))
    .orderBy(({ fn }) => fn("greatest", ["c.boost", "m.boost"]), "desc")
    .orderBy("c.chute_id")
    .limit(limit)
    .execute();
}

/** A chute as an operator names it. */
export interface NamedChute {
  readonly chuteId: string;
  readonly name: string;
  readonly ownerUsername: string;
  readonly manualBoost: number | null;
}

/** The chute with that id, or of that name `username/name` in any case. */
export async function namedChute(db: Db, idOrName: string): Promise<NamedChute | undefined> {
  const slash = idOrName.indexOf("/");
  const [username, name] = [idOrName.slice(0, Math.max(0, slash)), idOrName.slice(slash + 1)];
  return db
    .selectFrom("chutes as c")
    .innerJoin("users as u", "u.user_id", "c.user_id")
    .leftJoin("chute_manual_boosts as m", "m.chute_id", "c.chute_id")
    .select(["c.chute_id as chuteId", "c.name", "u.username as ownerUsername", "m.boost as manualBoost"])
    .where(({ eb, or, and }) =>
      or([
        eb("c.chute_id", "=", idOrName.toLowerCase()),
        and([eb(sql`lower(u.username)`, "=", username.toLowerCase()), eb(sql`lower(c.name)`, "=", name.toLowerCase())]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
}

/** Sets an operator's boost of a chute, or takes it away with null; miners see it within a minute. @see protocol 03 §6.5 */
export async function setManualBoost(
  db: Db,
  { chuteId, boost, now }: { readonly chuteId: string; readonly boost: number | null; readonly now: Date },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (boost === null) {
      await tx.deleteFrom("chute_manual_boosts").where("chute_id", "=", chuteId).execute();
    } else {
      await tx
        .insertInto("chute_manual_boosts")
        .values({ chute_id: chuteId, boost, updated_at: now })
        .onConflict((conflict) => conflict.column("chute_id").doUpdateSet({ boost, updated_at: now }))
        .execute();
    }
    await invalidate(tx, [{ kind: "chute", id: chuteId }], now);
  });
}

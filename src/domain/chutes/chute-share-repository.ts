import type { Db } from "../../infra/postgres/client.js";
import { invalidate } from "../outbox/outbox-repository.js";

/** A chute that its owner lets somebody use. @see protocol 03 §10.3 */
export interface ChuteShare {
  readonly chuteId: string;
  readonly sharedBy: string;
  readonly sharedTo: string;
  readonly now: Date;
}

/** Shares a chute; sharing it again changes nothing. */
export async function shareChute(db: Db, { chuteId, sharedBy, sharedTo, now }: ChuteShare): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto("chute_shares")
      .values({ chute_id: chuteId, shared_by: sharedBy, shared_to: sharedTo, shared_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await invalidate(tx, [{ kind: "chute", id: chuteId }], now);
  });
}

/** Ends a share, if there is one. */
export async function unshareChute(db: Db, { chuteId, sharedBy, sharedTo, now }: ChuteShare): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .deleteFrom("chute_shares")
      .where("chute_id", "=", chuteId)
      .where("shared_by", "=", sharedBy)
      .where("shared_to", "=", sharedTo)
      .execute();
    await invalidate(tx, [{ kind: "chute", id: chuteId }], now);
  });
}

/** Most shares that are listed. */
const LIST_LIMIT = 5000;

/** Shares that an account gave or got, newest first. @see protocol 01 §6.5 */
export async function sharesOf(db: Db, userId: string): Promise<StoredShare[]> {
  return db
    .selectFrom("chute_shares")
    .select(["chute_id as chuteId", "shared_by as sharedBy", "shared_to as sharedTo", "shared_at as sharedAt"])
    .where((column) => column.or([column("shared_by", "=", userId), column("shared_to", "=", userId)]))
    .orderBy("shared_at", "desc")
    .orderBy("chute_id")
    .limit(LIST_LIMIT)
    .execute();
}

export interface StoredShare extends Omit<ChuteShare, "now"> {
  readonly sharedAt: Date;
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { isUuid } from "../../wire/ids.js";

/** A picture of an account, an image or a chute. @see protocol 01 §13 */
export interface Logo {
  readonly logoId: string;
  readonly userId: string;
  readonly createdAt: Date;
}

/** Most logos that an account keeps. */
export const LOGOS_PER_ACCOUNT = 1000;

/** Where the bytes of a logo lie in the object store. @see protocol 02 §4 */
export function logoKey({ userId, logoId }: Pick<Logo, "userId" | "logoId">): string {
  return `logos/${userId}/${logoId}.webp`;
}

/**
 * Records a logo whose bytes are stored already.
 * @returns false when the account has `LOGOS_PER_ACCOUNT` of them (give or take those recorded at the same moment)
 */
export async function insertLogo(db: Db, { logoId, userId, createdAt }: Logo): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into logos (logo_id, user_id, path, created_at)
    select ${logoId}, ${userId}, ${`/logos/${logoId}.webp`}, ${createdAt}
    where (select count(*) from (select from logos where user_id = ${userId} limit ${LOGOS_PER_ACCOUNT}) own)
      < ${LOGOS_PER_ACCOUNT}`.execute(db);
  return numAffectedRows === 1n;
}

/** Whether an account may put that logo on its objects: it exists and is its own. */
export async function logoExists(
  db: Db,
  { logoId, userId }: { readonly logoId: string; readonly userId: string },
): Promise<boolean> {
  if (!isUuid(logoId)) return false;
  const row = await db
    .selectFrom("logos")
    .select("logo_id")
    .where("logo_id", "=", logoId)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Owner of a logo, or undefined when there is none of that id. */
export async function logoOwner(db: Db, logoId: string): Promise<string | undefined> {
  const row = await db.selectFrom("logos").select("user_id").where("logo_id", "=", logoId).executeTakeFirst();
  return row?.user_id;
}

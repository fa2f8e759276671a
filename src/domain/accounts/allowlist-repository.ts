import type { Db } from "../../infra/postgres/client.js";

/** Whether a hotkey may register while registration is by list. @see protocol 01 §6.3 */
export async function isAllowedToRegister(db: Db, hotkey: string): Promise<boolean> {
  const row = await db
    .selectFrom("registration_allowlist")
    .select("hotkey")
    .where("hotkey", "=", hotkey)
    .executeTakeFirst();
  return row !== undefined;
}

/** Lets a hotkey register. @returns false when it was on the list already */
export async function allowToRegister(
  db: Db,
  entry: { readonly hotkey: string; readonly addedBy: string; readonly now: Date },
): Promise<boolean> {
  const added = await db
    .insertInto("registration_allowlist")
    .values({ hotkey: entry.hotkey, added_by: entry.addedBy, added_at: entry.now })
    .onConflict((conflict) => conflict.doNothing())
    .returning("hotkey")
    .executeTakeFirst();
  return added !== undefined;
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { PERMISSION } from "./account.js";
import { recordAccountChange } from "./account-repository.js";

/** A hotkey of importance that an account is linked to. */
export interface Link {
  readonly userId: string;
  readonly hotkey: string;
  readonly role: "validator" | "subnet_owner";
  readonly clientAddress: string | null;
  readonly now: Date;
}

/**
 * Links an account to a hotkey of a validator or subnet owner, which makes it free of charge and a developer. Linking again
 * replaces the account's own former link of that role.
 * @throws AppError `conflict` when the hotkey is linked to another account
 * @see protocol 01 §7
 */
export async function linkHotkey(db: Db, { userId, hotkey, role, clientAddress, now }: Link): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`delete from linked_hotkeys where user_id = ${userId} and role = ${role}`.execute(tx);
    const { rows } = await sql`
      insert into linked_hotkeys as l (hotkey, user_id, role, linked_at) values (${hotkey}, ${userId}, ${role}, ${now})
      on conflict (hotkey) do update set role = excluded.role, linked_at = excluded.linked_at
      where l.user_id = excluded.user_id
      returning hotkey`.execute(tx);
    if (rows.length === 0) throw new AppError("conflict", "The hotkey is linked to another account.");
    const bits = PERMISSION.freeAccount | PERMISSION.developer;
    await tx
      .updateTable("users")
      .set({ permissions_bitmask: sql`permissions_bitmask | ${bits}`, updated_at: now })
      .where("user_id", "=", userId)
      .execute();
    const entry = { userId, actor: userId, action: `link_${role}`, details: { hotkey }, clientAddress };
    await recordAccountChange(tx, entry, now);
    await invalidate(tx, [{ kind: "account", id: userId }], now);
  });
}

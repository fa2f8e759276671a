import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { recordAccountChange } from "./account-repository.js";

/** Which bits of whose permissions change, and who does it. */
export interface PermissionChange {
  readonly userId: string;
  /** Bits of `PERMISSION`. */
  readonly grant: number;
  /** Bits of `PERMISSION`; a bit that is granted as well stays revoked. */
  readonly revoke: number;
  /** User id of who does it, or the name of the operator's command. */
  readonly actor: string;
  readonly reason?: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/**
 * Grants and revokes permissions in one statement, with the audit row.
 * @returns the permissions before and after; undefined when there is no such account
 * @see protocol 01 §7
 */
export function changePermissions(
  db: Db,
  change: PermissionChange,
): Promise<{ before: number; after: number } | undefined> {
  const { userId, actor, now, clientAddress } = change;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ before: number; after: number }>`
      with old as (select user_id, permissions_bitmask from users where user_id = ${userId} for update)
      update users u set permissions_bitmask = (old.permissions_bitmask | ${change.grant}) & ~${change.revoke}::integer,
        updated_at = ${now}
      from old where u.user_id = old.user_id
      returning old.permissions_bitmask as before, u.permissions_bitmask as after`.execute(tx);
    const [changed] = rows;
    if (changed === undefined) return undefined;
    const details = { ...changed, ...(change.reason !== undefined && { reason: change.reason }) };
    await recordAccountChange(tx, { userId, actor, action: "change_permissions", details, clientAddress }, now);
    await invalidate(tx, [{ kind: "account", id: userId }], now);
    return changed;
  });
}

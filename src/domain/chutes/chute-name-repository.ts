import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { isUuid } from "../../wire/ids.js";

/** Through whose eyes chutes are looked at. */
export interface Viewer {
  /** Null: anonymous. */
  readonly userId: string | null;
  /** Whose public chutes come first among those of other owners. */
  readonly platformUsername: string;
}

/**
 * Id of the one chute that an id or a name means to a viewer, or undefined when they may not see any such chute. A name is
 * looked for, in this order: their own; `username/name`; shared with them; public of the platform; public of anybody,
 * busiest first. Names are compared in any case and never matched as patterns. @see protocol 03 §9.1, §9.2
 */
export async function findChuteId(db: Db, idOrName: string, viewer: Viewer): Promise<string | undefined> {
  const text = idOrName.replace(/^\/+/, "");
  const { userId } = viewer;
  const isShared = sql<boolean>`exists (select from chute_shares s where s.chute_id = c.chute_id and s.shared_to = ${userId})`;
  const isVisible = sql<boolean>`(c.public or c.user_id = ${userId} or ${isShared})`;
  if (isUuid(text)) return firstId(db, sql`c.chute_id = ${text.toLowerCase()} and ${isVisible} limit 1`);
  const name = text.toLowerCase();
  const [username, rest] = splitUsername(name);
  return firstId(
    db,
    sql`lower(c.name) in (${name}, ${rest}) and ${isVisible}
      and (lower(c.name) = ${name} or lower(u.username) = ${username})
      order by case
        when c.user_id = ${userId} and lower(c.name) = ${name} then 1
        when lower(u.username) = ${username} and lower(c.name) = ${rest} then 2
        when ${isShared} then 3
        when lower(u.username) = ${viewer.platformUsername.toLowerCase()} then 4
        else 5
      end, c.public desc, c.invocation_count desc, c.chute_id limit 1`,
  );
}

async function firstId(db: Db, condition: ReturnType<typeof sql>): Promise<string | undefined> {
  const { rows } = await sql<{ chute_id: string }>`
    select c.chute_id from chutes c join users u using (user_id) where ${condition}`.execute(db);
  return rows[0]?.chute_id;
}

/** Text without a slash names no user: both parts are then unusable. */
function splitUsername(name: string): [username: string | null, rest: string | null] {
  const slash = name.indexOf("/");
  return slash < 1 ? [null, null] : [name.slice(0, slash), name.slice(slash + 1)];
}

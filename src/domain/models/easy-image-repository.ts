import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { BUILT } from "../images/image.js";

/**
 * The newest image of that name that the platform has built and released, as `user/name:tag`; undefined when there is none.
 * @see protocol 03 §10.4
 */
export async function newestPlatformImage(
  db: Db,
  { platformUsername, name }: { readonly platformUsername: string; readonly name: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ image: string }>`
    select u.username || '/' || i.name || ':' || i.tag as image from images i join users u using (user_id)
    where lower(u.username) = ${platformUsername.toLowerCase()} and lower(i.name) = ${name} and i.status = ${BUILT}
      and i.tag !~* '(nightly|dev|\\.rc)'
    order by i.created_at desc, i.image_id limit 1`.execute(db);
  return rows[0]?.image;
}

import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** Ids of the chutes that run on an image. */
export async function chuteIdsOfImage(db: Db, imageId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("chutes")
    .select("chute_id")
    .where("image_id", "=", imageId)
    .orderBy("chute_id")
    .execute();
  return rows.map((row) => row.chute_id);
}

/** What a chute's version is made of. */
export interface PatchableChute {
  readonly imageId: string;
  readonly patchVersion: string | null;
  readonly code: string;
  readonly version: string;
  /** SDK version inside the image. */
  readonly chutesVersion: string | null;
  readonly jobOnly: boolean;
  /** As miners pull it. @see protocol 03 §9.9 */
  readonly imageName: string;
}

/** The chute with its image, locked. */
export async function patchableChute(tx: Db, chuteId: string): Promise<PatchableChute | undefined> {
  const { rows } = await sql<PatchableChute>`
    select c.image_id as "imageId", i.patch_version as "patchVersion", c.code, c.version, i.chutes_version as "chutesVersion",
      json_array_length(c.cords) = 0 as "jobOnly",
      u.username || '/' || i.name || ':' || i.tag ||
        case when coalesce(i.patch_version, 'initial') = 'initial' then '' else '-' || i.patch_version end as "imageName"
    from chutes c join images i using (image_id) join users u on u.user_id = i.user_id
    where c.chute_id = ${chuteId} for update of c`.execute(tx);
  return rows[0];
}

/**
 * Gives a chute the version of its patched image. Its time of change stays: the owner did nothing, and must not find their
 * deploys of the day used up.
 */
export async function setPatchedVersion(
  tx: Db,
  chuteId: string,
  { version, chutesVersion }: { readonly version: string; readonly chutesVersion: string | null },
): Promise<void> {
  await tx
    .updateTable("chutes")
    .set({ version, chutes_version: chutesVersion })
    .where("chute_id", "=", chuteId)
    .execute();
}

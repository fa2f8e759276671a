import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** An image as an operator's list shows it. */
export interface CatalogueImage {
  readonly imageId: string;
  readonly ownerId: string;
  readonly username: string;
  readonly name: string;
  readonly tag: string;
  readonly public: boolean;
  readonly status: string;
  readonly chutesVersion: string | null;
  readonly createdAt: Date;
  /** Chutes that run on it. */
  readonly chutes: number;
}

/** Which images to read; null means any. */
export interface CatalogueFilter {
  /** In any case. */
  readonly username: string | null;
  readonly imageId: string | null;
  readonly limit: number;
}

/** Images of all accounts, newest first. */
export async function catalogueImages(db: Db, filter: CatalogueFilter): Promise<CatalogueImage[]> {
  const { username, imageId, limit } = filter;
  const { rows } = await sql<CatalogueRow>`
    select i.image_id, i.user_id, u.username, i.name, i.tag, i.public, i.status, i.chutes_version, i.created_at,
      (select count(*) from chutes c where c.image_id = i.image_id) as chutes
    from images i join users u using (user_id)
    where (${username}::text is null or lower(u.username) = lower(${username}::text))
      and (${imageId}::text is null or i.image_id = ${imageId}::text)
    order by i.created_at desc, i.image_id limit ${limit}`.execute(db);
  return rows.map(toCatalogueImage);
}

interface CatalogueRow {
  readonly image_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly name: string;
  readonly tag: string;
  readonly public: boolean;
  readonly status: string;
  readonly chutes_version: string | null;
  readonly created_at: Date;
  readonly chutes: bigint;
}

function toCatalogueImage(row: CatalogueRow): CatalogueImage {
  return {
    imageId: row.image_id,
    ownerId: row.user_id,
    username: row.username,
    name: row.name,
    tag: row.tag,
    public: row.public,
    status: row.status,
    chutesVersion: row.chutes_version,
    createdAt: row.created_at,
    chutes: Number(row.chutes),
  };
}

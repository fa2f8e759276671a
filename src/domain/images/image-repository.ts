import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { imageIdOf, isUuid } from "../../wire/ids.js";
import { BUILT, type Image, imageNameProblem, parseImageReference } from "./image.js";

/** Which images to list. Empty texts mean all. */
export interface ImageFilter {
  readonly userId: string;
  readonly includePublic: boolean;
  /** Case-insensitive substrings. */
  readonly name: string;
  readonly tag: string;
  readonly offset: number;
  readonly limit: number;
}

/** One page of images, newest first, and how many there are. @see protocol 02 §3.3 */
export async function listImages(db: Db, filter: ImageFilter): Promise<{ total: number; items: Image[] }> {
  const matching = sql`(i.user_id = ${filter.userId} or (${filter.includePublic} and i.public))
    and position(${filter.name.toLowerCase()} in lower(i.name)) > 0
    and position(${filter.tag.toLowerCase()} in lower(i.tag)) > 0`;
  const [page, counted] = await Promise.all([
    sql<ImageRow>`select ${IMAGE_COLUMNS} from images i join users u using (user_id) where ${matching}
      order by i.created_at desc, i.image_id limit ${filter.limit} offset ${filter.offset}`.execute(db),
    sql<{ total: bigint }>`select count(*) as total from images i where ${matching}`.execute(db),
  ]);
  return { total: Number(counted.rows[0]?.total ?? 0n), items: page.rows.map(toImage) };
}

/**
 * The image an id or `[username/]name:tag` means to a caller: their own, or a public one. A name without a user is the
 * caller's own. @see protocol 02 §2.1, §3.4
 */
export async function findImage(db: Db, idOrName: string, callerId: string): Promise<Image | undefined> {
  const imageId = await findImageId(db, idOrName, callerId);
  return imageId === undefined ? undefined : imageById(db, imageId);
}

/** Id of what `findImage` finds. */
export async function findImageId(db: Db, idOrName: string, callerId: string): Promise<string | undefined> {
  const meant = isUuid(idOrName) ? sql`i.image_id = ${idOrName.toLowerCase()}` : namedImage(idOrName, callerId);
  if (meant === undefined) return undefined;
  const { rows } = await sql<{ image_id: string }>`
    select i.image_id from images i join users u using (user_id)
    where ${meant} and (i.public or i.user_id = ${callerId})`.execute(db);
  return rows[0]?.image_id;
}

/** The image of that id, whoever may see it. */
export async function imageById(db: Db, imageId: string): Promise<Image | undefined> {
  const { rows } = await sql<ImageRow>`
    select ${IMAGE_COLUMNS} from images i join users u using (user_id) where i.image_id = ${imageId}`.execute(db);
  return rows[0] && toImage(rows[0]);
}

/** An image that exists in the registry already. */
export interface BuiltImage {
  readonly owner: { readonly userId: string; readonly username: string };
  readonly name: string;
  readonly tag: string;
  readonly public: boolean;
  readonly readme?: string;
  /** SDK version inside the image, e.g. `0.6.10`. */
  readonly chutesVersion: string;
  readonly now: Date;
}

/**
 * Records an image that was built elsewhere. Registering it again renews its version and visibility, and its readme where
 * one is given; an image whose build failed becomes usable.
 * @returns its id, the one that the SDK computes
 * @throws AppError `unprocessable` when a registry could not store that name
 * @see protocol 02 §5.7
 */
export async function registerBuiltImage(db: Db, image: BuiltImage): Promise<string> {
  const { owner, name, tag, now } = image;
  const problem = imageNameProblem({ username: owner.username, name, tag });
  if (problem !== undefined) throw new AppError("unprocessable", problem);
  const imageId = imageIdOf({ username: owner.username, name, tag });
  await db
    .insertInto("images")
    .values({
      image_id: imageId,
      user_id: owner.userId,
      name,
      tag,
      readme: image.readme ?? "",
      public: image.public,
      status: BUILT,
      patch_version: "initial",
      chutes_version: image.chutesVersion,
      created_at: now,
      build_started_at: now,
      build_completed_at: now,
    })
    .onConflict((conflict) =>
      conflict.column("image_id").doUpdateSet({
        public: image.public,
        chutes_version: image.chutesVersion,
        status: BUILT,
        build_completed_at: now,
        ...(image.readme !== undefined && { readme: image.readme }),
      }),
    )
    .execute();
  return imageId;
}

const IMAGE_COLUMNS = sql`i.image_id, i.user_id, u.username, u.logo_id as user_logo_id, u.created_at as user_created_at, i.name,
  i.tag, i.readme, i.logo_id, i.public, i.status, i.patch_version, i.chutes_version, i.created_at, i.build_started_at,
  i.build_completed_at`;

interface ImageRow {
  readonly image_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly user_logo_id: string | null;
  readonly user_created_at: Date;
  readonly name: string;
  readonly tag: string;
  readonly readme: string;
  readonly logo_id: string | null;
  readonly public: boolean;
  readonly status: string;
  readonly patch_version: string | null;
  readonly chutes_version: string | null;
  readonly created_at: Date;
  readonly build_started_at: Date | null;
  readonly build_completed_at: Date | null;
}

function toImage(row: ImageRow): Image {
  return {
    imageId: row.image_id,
    owner: {
      userId: row.user_id,
      username: row.username,
      logoId: row.user_logo_id,
      createdAt: row.user_created_at,
    },
    name: row.name,
    tag: row.tag,
    readme: row.readme,
    logoId: row.logo_id,
    public: row.public,
    status: row.status,
    patchVersion: row.patch_version,
    chutesVersion: row.chutes_version,
    createdAt: row.created_at,
    buildStartedAt: row.build_started_at,
    buildCompletedAt: row.build_completed_at,
  };
}

function namedImage(name: string, callerId: string) {
  const reference = parseImageReference(name);
  if (reference === undefined) return undefined;
  const owner =
    reference.username === undefined
      ? sql`i.user_id = ${callerId}`
      : sql`lower(u.username) = ${reference.username.toLowerCase()}`;
  return sql`${owner} and lower(i.name) = ${reference.name.toLowerCase()} and lower(i.tag) = ${reference.tag.toLowerCase()}`;
}

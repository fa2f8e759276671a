import type { Db } from "../../infra/postgres/client.js";
import { imageDeleted } from "../../wire/events.js";
import { enqueue } from "../outbox/outbox-repository.js";

/** What became of a deletion. */
export type ImageDeletion = "deleted" | "in use" | "not found";

const FOREIGN_KEY_VIOLATION = "23503";

/**
 * Deletes an image of that account and tells the miners. The database itself refuses while a chute runs on it, so that a
 * deploy at the same moment cannot end up without its image.
 * @see protocol 02 §3.5
 */
export async function deleteImage(
  db: Db,
  { imageId, ownerId, now }: { readonly imageId: string; readonly ownerId: string; readonly now: Date },
): Promise<ImageDeletion> {
  try {
    return await db.transaction().execute(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom("images")
        .where("image_id", "=", imageId)
        .where("user_id", "=", ownerId)
        .executeTakeFirst();
      if (numDeletedRows === 0n) return "not found";
      const events = imageDeleted(imageId);
      await enqueue(
        tx,
        events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
        now,
      );
      return "deleted";
    });
  } catch (error) {
    if ((error as { code?: unknown }).code === FOREIGN_KEY_VIOLATION) return "in use";
    throw error;
  }
}

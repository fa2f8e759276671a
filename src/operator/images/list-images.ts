import { catalogueImages } from "../../domain/images/image-catalogue-repository.js";
import type { Context } from "../../kernel/context.js";
import { type ImageLine, imageLine } from "./image-line.js";
import { withDatabase } from "./with-database.js";

/** Images of one account or of all, newest first. */
export async function listImages(
  ctx: Context,
  { owner, limit }: { readonly owner: string | undefined; readonly limit: number },
): Promise<ImageLine[]> {
  const filter = { username: owner ?? null, imageId: null, limit };
  return withDatabase(ctx, async (db) => (await catalogueImages(db, filter)).map(imageLine));
}

import { catalogueImages } from "../../domain/images/image-catalogue-repository.js";
import { deleteImage as deleteRow } from "../../domain/images/image-deletion-repository.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";
import { type ImageLine, imageLine } from "./image-line.js";
import { imageIdFrom } from "./named-image.js";
import { withDatabase } from "./with-database.js";

/**
 * Takes an image out of the platform; the registry keeps its copy.
 * @param image an id or `[USERNAME/]NAME:TAG`; without a user it is the platform's
 * @returns the image as it was
 * @throws AppError `not_found`, `conflict` while chutes run on it
 * @see protocol 02 §3.5
 */
export function deleteImage(
  ctx: Context,
  { image, dryRun }: { readonly image: string; readonly dryRun: boolean },
): Promise<ImageLine> {
  return withDatabase(ctx, async (db) => {
    const imageId = imageIdFrom(image, ctx.config.platformUsername);
    const [found] = await catalogueImages(db, { username: null, imageId, limit: 1 });
    if (found === undefined) throw noImage(image);
    if (found.chutes > 0) throw inUse(image, found.chutes);
    if (dryRun) return imageLine(found);
    const outcome = await deleteRow(db, { imageId, ownerId: found.ownerId, now: ctx.now() });
    if (outcome === "in use") throw inUse(image, 1);
    if (outcome === "not found") throw noImage(image);
    return imageLine(found);
  });
}

function noImage(image: string): AppError {
  return new AppError("not_found", `there is no image ${image}`, { fix: "chutes-validator image list" });
}

function inUse(image: string, chutes: number): AppError {
  return new AppError("conflict", `${chutes} chute(s) run on ${image}`, { fix: "delete or redeploy them first" });
}

import type { CatalogueImage } from "../../domain/images/image-catalogue-repository.js";
import { shortTag } from "./named-image.js";

/** An image as commands print it. */
export interface ImageLine {
  readonly image_id: string;
  readonly image: string;
  readonly public: boolean;
  readonly status: string;
  readonly chutes_version: string | null;
  readonly created_at: string;
  /** Chutes that run on it. */
  readonly chutes: number;
}

/** @see protocol 02 §2 */
export function imageLine(image: CatalogueImage): ImageLine {
  return {
    image_id: image.imageId,
    image: shortTag(image),
    public: image.public,
    status: image.status,
    chutes_version: image.chutesVersion,
    created_at: image.createdAt.toISOString(),
    chutes: image.chutes,
  };
}

import { Type } from "typebox";
import type { Image } from "../../../domain/images/image.js";
import type { Config } from "../../../kernel/config/schema.js";
import { zuluIso } from "../../../wire/timestamps.js";
import { logoUrl } from "../logo-url.js";
import { accountCard, CardObject } from "./account-objects.js";

const Time = Type.Union([Type.String(), Type.Null()]);

/** Wire form of `imageObject`. */
export const ImageObject = Type.Object({
  image_id: Type.String(),
  name: Type.String(),
  readme: Type.String(),
  tag: Type.String(),
  public: Type.Boolean(),
  status: Type.String(),
  created_at: Type.String(),
  build_started_at: Time,
  build_completed_at: Time,
  user: CardObject,
  logo_id: Type.Union([Type.String(), Type.Null()]),
  patch_version: Type.Union([Type.String(), Type.Null()]),
  logo: Type.Union([Type.String(), Type.Null()]),
});

/** An image as everybody who may see it sees it. @see protocol 02 §3.2 */
export function imageObject(config: Config, image: Image) {
  return {
    image_id: image.imageId,
    name: image.name,
    readme: image.readme,
    tag: image.tag,
    public: image.public,
    status: image.status,
    created_at: zuluIso(image.createdAt),
    build_started_at: image.buildStartedAt && zuluIso(image.buildStartedAt),
    build_completed_at: image.buildCompletedAt && zuluIso(image.buildCompletedAt),
    user: accountCard(config, image.owner),
    logo_id: image.logoId,
    patch_version: image.patchVersion,
    logo: logoUrl(config, image.logoId),
  };
}

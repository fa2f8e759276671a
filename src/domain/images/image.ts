import type { AccountCard } from "../accounts/account.js";

/** The one status an image can be deployed with; the SDK compares it letter by letter. @see protocol 02 §2.3 */
export const BUILT = "built and pushed";

/** A container image that chutes run on. @see protocol 02 §2 */
export interface Image {
  readonly imageId: string;
  readonly owner: AccountCard;
  readonly name: string;
  readonly tag: string;
  readonly readme: string;
  readonly logoId: string | null;
  readonly public: boolean;
  /** `BUILT`, a stage of the build, or `error: …`. */
  readonly status: string;
  /** Null and `initial` both mean: as first built. */
  readonly patchVersion: string | null;
  /** SDK version inside the image; null when unknown. */
  readonly chutesVersion: string | null;
  readonly createdAt: Date;
  readonly buildStartedAt: Date | null;
  readonly buildCompletedAt: Date | null;
}

const REFERENCE = /^(?:([a-z0-9][a-z0-9_.-]*)\/)?([a-z0-9][a-z0-9_.-]*):([a-z0-9][a-z0-9_.-]*)$/i;

/** `[username/]name:tag` split up, or undefined for other text. Leading slashes are dropped. @see protocol 02 §3.4 */
export function parseImageReference(
  text: string,
): { username: string | undefined; name: string; tag: string } | undefined {
  const [, username, name, tag] = REFERENCE.exec(text.replace(/^\/+/, "")) ?? [];
  return name === undefined || tag === undefined ? undefined : { username, name, tag };
}

const COMPONENT = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-z0-9_][a-z0-9_.-]{0,127}$/;
/** Tags of the forge's own intermediate images begin so. */
const RESERVED_TAG_PREFIX = "forgebuild-";

/** What keeps a container registry from storing this image, or undefined. Case does not matter. @see protocol 02 §2.2 */
export function imageNameProblem(image: {
  readonly username: string;
  readonly name: string;
  readonly tag: string;
}): string | undefined {
  const [username, name, tag] = [image.username, image.name, image.tag].map((part) => part.toLowerCase());
  if (!COMPONENT.test(username ?? "")) return `username ${image.username} cannot be part of an image name`;
  if (
    name === undefined ||
    name.length < 3 ||
    name.length > 65 ||
    !name.split("/").every((part) => COMPONENT.test(part))
  )
    return `${image.name} is not an image name of 3 to 65 characters`;
  if (tag === undefined || tag.length < 2 || tag.length > 33 || !TAG.test(tag) || tag.startsWith(RESERVED_TAG_PREFIX))
    return `${image.tag} is not an image tag of 2 to 33 characters`;
  return undefined;
}

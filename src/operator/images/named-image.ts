import { parseImageReference } from "../../domain/images/image.js";
import { AppError } from "../../kernel/errors.js";
import { imageIdOf, isUuid } from "../../wire/ids.js";

/** An image as an operator writes it. */
export interface NamedImage {
  readonly username: string;
  readonly name: string;
  readonly tag: string;
}

/**
 * `[USERNAME/]NAME:TAG` taken apart; without a user it is the owner's.
 * @throws AppError `invalid` for other text, or when text and owner name different users
 */
export function namedImage(
  text: string,
  { owner, defaultOwner }: { readonly owner: string | undefined; readonly defaultOwner: string },
): NamedImage {
  const reference = parseImageReference(text);
  if (reference === undefined)
    throw new AppError("invalid", `${text} is not an image`, { fix: "e.g. my-image:1.0 or alice/my-image:1.0" });
  const username = owner ?? reference.username ?? defaultOwner;
  if (reference.username !== undefined && reference.username.toLowerCase() !== username.toLowerCase())
    throw new AppError("invalid", `${text} belongs to ${reference.username}, not to ${username}`, {
      fix: "leave out --owner, or the user before the slash",
    });
  return { username, name: reference.name, tag: reference.tag };
}

/** Id of the image that an id or `[USERNAME/]NAME:TAG` names. @throws AppError `invalid` for other text */
export function imageIdFrom(text: string, defaultOwner: string): string {
  return isUuid(text) ? text.toLowerCase() : imageIdOf(namedImage(text, { owner: undefined, defaultOwner }));
}

/** How registries and miners write it. @see protocol 02 §2.2 */
export function shortTag({ username, name, tag }: NamedImage): string {
  return `${username}/${name}:${tag}`.toLowerCase();
}

import { accountByUsername } from "../../../domain/accounts/account-repository.js";
import { isReservedUsername, isUsername } from "../../../domain/accounts/username.js";
import { AppError } from "../../../kernel/errors.js";
import { decodeSs58 } from "../../../wire/ss58.js";
import type { ApiDeps } from "../deps.js";

type Deps = Pick<ApiDeps, "config" | "db">;

/** Whether a username (any case) belongs to somebody, or to the platform. @see protocol 01 §6.2 */
export async function isUsernameTaken({ db, config }: Deps, username: string): Promise<boolean> {
  return isReservedUsername(username, config.platformUsername) || (await accountByUsername(db, username)) !== undefined;
}

/** @throws AppError `invalid` for a text that is no username, `conflict` for one that is taken */
export async function requireFreeUsername(deps: Deps, username: string): Promise<void> {
  if (!isUsername(username))
    throw new AppError("invalid", "A username has 3 to 15 letters, digits, underscores or dashes.");
  if (await isUsernameTaken(deps, username)) throw new AppError("conflict", `Username ${username} is taken.`);
}

/** @throws AppError `invalid` for a text that is no address, naming the field */
export function requireAddress(field: string, text: string): void {
  if (decodeSs58(text) === undefined) throw new AppError("invalid", `${field} is not an ss58 address with prefix 42.`);
}

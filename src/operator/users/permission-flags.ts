import { PERMISSION_NAMES } from "../../domain/accounts/account.js";
import { AppError } from "../../kernel/errors.js";

/** Bits of permissions by their names. @throws AppError `invalid` naming the unknown one and all there are */
export function bitsOf(names: readonly string[]): number {
  return names.reduce((bits, name) => bits | bitOf(name), 0);
}

/** Everything that lets an administrator administer. */
export const ADMINISTRATOR = ["super_admin", "billing_admin", "create_user", "update_user", "delete_user"] as const;

function bitOf(name: string): number {
  const bit = PERMISSION_NAMES.get(name.replaceAll("-", "_"));
  if (bit !== undefined) return bit;
  throw new AppError("invalid", `there is no permission ${name}`, {
    fix: `one of ${[...PERMISSION_NAMES.keys()].join(", ")}`,
  });
}

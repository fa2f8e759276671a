import type { FastifyRequest } from "fastify";
import { type Account, PERMISSION } from "../../domain/accounts/account.js";
import { accountByIdOrName } from "../../domain/accounts/account-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { isUuid } from "../../wire/ids.js";
import { requirePermission } from "./principal.js";

/** Who changes money or entitlements, as repositories record it. */
export interface BillingChange {
  readonly actor: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** @throws AppError `forbidden` unless the caller administers billing */
export function requireBillingAdmin(request: FastifyRequest, now: () => Date): BillingChange {
  const { userId } = requirePermission(request, PERMISSION.billingAdmin);
  return { actor: userId, clientAddress: request.clientAddress, now: now() };
}

/** The account of that id or name. @throws AppError `not_found` */
export async function namedAccount(db: Db, idOrName: string): Promise<Account> {
  const account = await accountByIdOrName(db, idOrName);
  if (account === undefined) throw new AppError("not_found", "User not found.");
  return account;
}

/** @throws AppError `invalid` for a key of a map that is neither a chute's id nor `*` */
export function requireChuteKey(key: string): void {
  if (key !== "*" && !isUuid(key))
    throw new AppError("invalid", `${JSON.stringify(key.slice(0, 64))} is neither the id of a chute nor "*".`);
}

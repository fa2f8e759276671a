import type { FastifyRequest } from "fastify";
import { type Account, holds } from "../../domain/accounts/account.js";
import { AppError } from "../../kernel/errors.js";

/** The caller's account, on routes whose rule demands one. @throws AppError `unauthorized` when there is none */
export function accountOf(request: FastifyRequest): Account {
  const { account } = request.principal;
  if (account === undefined) throw new AppError("unauthorized", "Authentication required.");
  return account;
}

/**
 * The caller's account, which must hold every bit of `bit` (of `PERMISSION`).
 * @throws AppError `unauthorized` without an account, `forbidden` without the permission
 * @see protocol 01 §7, §8
 */
export function requirePermission(request: FastifyRequest, bit: number): Account {
  const account = accountOf(request);
  if (!holds(account, bit)) throw new AppError("forbidden", "Your account lacks the permission for this.");
  return account;
}

import type { FastifyRequest } from "fastify";
import type { Account } from "../../domain/accounts/account.js";
import { AppError } from "../../kernel/errors.js";

/** The caller's account, on routes whose rule demands one. @throws AppError `unauthorized` when there is none */
export function accountOf(request: FastifyRequest): Account {
  const { account } = request.principal;
  if (account === undefined) throw new AppError("unauthorized", "Authentication required.");
  return account;
}

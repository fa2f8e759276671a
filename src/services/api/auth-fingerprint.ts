import type { FastifyRequest } from "fastify";
import type { Account } from "../../domain/accounts/account.js";
import { forgive, throttle } from "../../domain/accounts/attempt-store.js";
import { storedForms } from "../../domain/accounts/fingerprint.js";
import { userIdByFingerprint } from "../../domain/accounts/identity-repository.js";
import { AppError } from "../../kernel/errors.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const ATTEMPTS_PER_MINUTE = 10;
const LONGEST_HEADER = 1024;

/**
 * The account whose fingerprint stands in `Authorization`: bare, or behind a scheme word.
 * @throws AppError `unauthorized`, or `rate_limited` when the address guessed too often
 * @see protocol 01 §3, §21.5
 */
export function accountByFingerprintHeader(deps: Deps, request: FastifyRequest): Promise<Account> {
  const header = request.headers.authorization?.trim() ?? "";
  if (header === "" || header.length > LONGEST_HEADER)
    throw new AppError("unauthorized", "Send the account's fingerprint in the Authorization header.");
  // A chosen fingerprint may hold blanks, so the whole value is tried before its parts.
  const [, rest = ""] = /^\S+\s+(.*)$/.exec(header) ?? [];
  const lastWord = header.split(/\s+/).at(-1) ?? "";
  return accountByFingerprint(deps, request, [header, rest, lastWord].filter(Boolean));
}

/**
 * The account that the first fitting of these fingerprints belongs to.
 * @throws AppError `unauthorized`, or `rate_limited` when the address guessed too often
 */
export async function accountByFingerprint(
  { config, db, redis, now, directory }: Deps,
  request: FastifyRequest,
  candidates: readonly string[],
): Promise<Account> {
  const attempt = { action: "fingerprint", key: request.clientAddress, limit: ATTEMPTS_PER_MINUTE, now: now() };
  await throttle(redis, attempt);
  const forms = candidates.flatMap((text) => storedForms(text, config.accounts.fingerprintPepper));
  const userId = await userIdByFingerprint(db, [...new Set(forms)]);
  const account = userId === undefined ? undefined : await directory.accountById(userId);
  if (account === undefined) throw new AppError("unauthorized", "Invalid fingerprint.");
  await forgive(redis, attempt);
  return account;
}

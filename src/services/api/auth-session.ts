import type { Account } from "../../domain/accounts/account.js";
import { allowsUnsaltedTokens } from "../../domain/accounts/fingerprint.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import { sessionTokenKey, signJwt, unverifiedClaims, verifyJwt } from "../../wire/jwt.js";
import type { Directory } from "./directory/directory.js";

interface SessionDeps {
  readonly config: Config;
  readonly directory: Pick<Directory, "accountById" | "storedFingerprintOf">;
  readonly now: () => Date;
}

/** Life of a session token. @see protocol 01 §5.2 */
export const SESSION_SECONDS = 604_800;

/** Longer texts are no token of ours. */
const LONGEST_TOKEN = 2048;

/**
 * A token for seven days, until the fingerprint changes.
 * @throws AppError `unauthorized` when the account is gone
 * @see protocol 01 §5.2
 */
export async function newSession({ config, directory, now }: SessionDeps, userId: string): Promise<string> {
  const stored = await directory.storedFingerprintOf(userId);
  if (stored === undefined) throw new AppError("unauthorized", "This account does not exist any more.");
  const issued = Math.floor(now().getTime() / 1000);
  const claims = { exp: issued + SESSION_SECONDS, sub: userId, iat: issued, salted: true };
  return signJwt(claims, sessionTokenKey(stored, config.accounts.pgEncryptionKey));
}

/**
 * Whose session a token is. Its key is made of the account's fingerprint, so a new fingerprint ends every session.
 * @throws AppError `unauthorized`; an expired token has its own message
 * @see protocol 01 §5.2
 */
export async function accountBySession(deps: SessionDeps, token: string): Promise<Account> {
  const { config, directory, now } = deps;
  const claims = token.length > LONGEST_TOKEN ? undefined : unverifiedClaims(token);
  const userId = claims?.["sub"];
  if (typeof userId !== "string") throw invalidToken();
  const stored = await directory.storedFingerprintOf(userId);
  if (stored === undefined) throw invalidToken();
  const isSalted = claims?.["salted"] === true;
  if (!isSalted && !allowsUnsaltedTokens(stored)) throw invalidToken();
  const key = sessionTokenKey(stored, isSalted ? config.accounts.pgEncryptionKey : "");
  verifyJwt(token, { key, now: now(), requireExp: true });
  const account = await directory.accountById(userId);
  if (account === undefined) throw invalidToken();
  return account;
}

function invalidToken(): AppError {
  return new AppError("unauthorized", "Invalid session token.");
}

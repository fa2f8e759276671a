import type { FastifyRequest } from "fastify";
import type { Account } from "../../domain/accounts/account.js";
import { forgive, throttle } from "../../domain/accounts/attempt-store.js";
import { useLoginNonce } from "../../domain/accounts/login-nonce-store.js";
import { AppError } from "../../kernel/errors.js";
import { verifyHotkeyMessage } from "../../wire/hotkey-signature.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";

type Deps = Pick<ApiDeps, "redis" | "now"> & { readonly directory: Directory };

/** A login nonce with its signature. */
export interface LoginSignature {
  readonly hotkey: string;
  readonly signatureHex: string;
  readonly nonce: string;
}

/** Why a login failed. */
export type LoginFailure = "nonce" | "signature" | "account";

const ATTEMPTS_PER_MINUTE = 10;
const LONGEST_ADDRESS = 64;

/**
 * The account whose hotkey signed a login nonce, which is used up by trying. What was wrong is the error's `cause`.
 * @throws AppError `unauthorized`, or `rate_limited` after too many failures of the address or on the hotkey
 * @see protocol 01 §5.3
 */
export async function accountByLoginSignature(
  deps: Deps,
  request: FastifyRequest,
  login: LoginSignature,
): Promise<Account> {
  const { redis, directory, now } = deps;
  const attempts = [request.clientAddress, login.hotkey.slice(0, LONGEST_ADDRESS)].map((key) => ({
    action: "login",
    key,
    limit: ATTEMPTS_PER_MINUTE,
    now: now(),
  }));
  await Promise.all(attempts.map((attempt) => throttle(redis, attempt)));
  if (!(await useLoginNonce(redis, login.nonce)))
    throw refusal("nonce", "The login nonce is unknown, used or has expired.");
  if (!verifyHotkeyMessage({ ...login, message: login.nonce }))
    throw refusal("signature", "The signature is not one of the login nonce by this hotkey.");
  const account = await directory.accountByHotkey(login.hotkey);
  if (account === undefined) throw refusal("account", "No account has this hotkey.");
  await Promise.all(attempts.map((attempt) => forgive(redis, attempt)));
  return account;
}

function refusal(cause: LoginFailure, message: string): AppError {
  return new AppError("unauthorized", message, { cause });
}

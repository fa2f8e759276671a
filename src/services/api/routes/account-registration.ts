import { userIdByHotkey } from "../../../domain/accounts/account-repository.js";
import { isAllowedToRegister } from "../../../domain/accounts/allowlist-repository.js";
import { newWallet, type RegisteredAccount, registerAccount } from "../../../domain/accounts/registration.js";
import { returnRegistrationToken, takeRegistrationToken } from "../../../domain/accounts/registration-token-store.js";
import { returnSignup, takeSignup } from "../../../domain/accounts/signup-store.js";
import type { Config } from "../../../kernel/config/schema.js";
import { AppError } from "../../../kernel/errors.js";
import { decodeSs58 } from "../../../wire/ss58.js";
import type { ApiDeps } from "../deps.js";
import { requireAddress, requireFreeUsername } from "./account-names.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "chain">;

/** Who wants to register; the hotkey has signed. */
export interface SignUp {
  readonly username: string;
  readonly coldkey: string;
  /** Empty when none is wanted. */
  readonly logoId: string;
  readonly hotkey: string;
  /** Empty when none was sent. */
  readonly token: string;
  readonly clientAddress: string;
}

const RAO_PER_TAO = 1_000_000_000;

/**
 * Registers an account. The checks stand in the order of the protocol; a sign-up that fails is not counted, and its token
 * stays good.
 * @throws AppError of the first check that fails
 * @see protocol 01 §6.3
 */
export async function register(deps: Deps, signUp: SignUp): Promise<RegisteredAccount> {
  const { accounts } = deps.config;
  const { clientAddress } = signUp;
  const signups = await takeSignup(deps.redis, clientAddress);
  try {
    if (accounts.registrationPerIpDay > 0 && signups > accounts.registrationPerIpDay)
      throw new AppError("rate_limited", "Too many accounts were registered from this address today.");
    return await withAdmission(deps, signUp, async () => {
      await checkSignUp(deps, signUp);
      const { username, hotkey, coldkey } = signUp;
      const request = { username, hotkey, coldkey, clientAddress, now: deps.now() };
      return registerAccount(deps.db, { ...accountMaking(deps.config), ...request });
    });
  } catch (error) {
    await returnSignup(deps.redis, clientAddress);
    throw error;
  }
}

/** What every new account is made with. */
export function accountMaking({ accounts }: Config) {
  const keys = { walletKeyHex: accounts.walletKey, pgKey: accounts.pgEncryptionKey };
  return {
    wallet: () => newWallet(keys),
    pepper: accounts.fingerprintPepper,
    takesDeposits: accounts.developerDepositUsd > 0,
    isFree: accounts.allAccountsFree,
  };
}

/** Does the work if the platform's mode lets this sign-up in. */
async function withAdmission<T>(deps: Deps, { hotkey, token }: SignUp, work: () => Promise<T>): Promise<T> {
  switch (deps.config.accounts.registrationMode) {
    case "open":
      return work();
    case "closed":
      throw new AppError("forbidden", "Registration is closed.");
    case "allowlist":
      if (await isAllowedToRegister(deps.db, hotkey)) return work();
      throw new AppError("forbidden", `Hotkey ${hotkey} is not on the list of those who may register.`);
    case "token":
      return withToken(deps, token, work);
  }
}

/** The token is taken before the work, so that it serves one of two parallel sign-ups. */
async function withToken<T>({ redis }: Deps, token: string, work: () => Promise<T>): Promise<T> {
  if (token === "") throw new AppError("invalid", "A registration token is required: ?token=…");
  const leftMs = await takeRegistrationToken(redis, token);
  if (leftMs === undefined) throw new AppError("forbidden", "The registration token is unknown or has expired.");
  try {
    return await work();
  } catch (error) {
    await returnRegistrationToken(redis, token, leftMs);
    throw error;
  }
}

async function checkSignUp(deps: Deps, { hotkey, username, coldkey, logoId }: SignUp): Promise<void> {
  if ((await userIdByHotkey(deps.db, hotkey)) !== undefined)
    throw new AppError("conflict", `Hotkey ${hotkey} already has an account.`);
  await requireFreeUsername(deps, username);
  await requireTao(deps, coldkey);
  requireAddress("coldkey", coldkey);
  // A logo must be its user's own, and whoever registers has none yet.
  if (logoId !== "") throw new AppError("invalid", `logo ${logoId} does not exist`);
}

/** What is no address holds nothing that could be asked for: the check after this one names the reason. */
async function requireTao({ config, chain }: Deps, coldkey: string): Promise<void> {
  const wantedTao = config.accounts.registrationMinTao;
  if (wantedTao <= 0 || decodeSs58(coldkey) === undefined) return;
  const balanceRao = await chain.freeBalance(coldkey);
  if (balanceRao < BigInt(Math.ceil(wantedTao * RAO_PER_TAO)))
    throw new AppError("payment_required", `The coldkey must hold at least ${wantedTao} TAO to register.`);
}

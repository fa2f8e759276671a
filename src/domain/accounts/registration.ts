import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { fingerprintHash, userIdOf } from "../../wire/ids.js";
import { keypairFromMnemonic, newMnemonic } from "../../wire/mnemonic.js";
import { encryptWalletText, type WalletKeys } from "../../wire/wallet-cipher.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { type Account, PERMISSION } from "./account.js";
import { insertAccount, insertDefaultQuota, type NewAccount, recordAccountChange } from "./account-repository.js";
import { newFingerprint, storedFingerprint } from "./fingerprint.js";

/** Who wants an account. The names have been checked. */
export interface Registration {
  readonly username: string;
  readonly hotkey: string | null;
  /** Null: the payment address stands in for it. */
  readonly coldkey: string | null;
  readonly isFree: boolean;
  /** Logo of whoever creates the account, checked. */
  readonly logoId?: string | null;
  /** Who creates the account for somebody else; without it, its owner does. */
  readonly actor?: string;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** A new account with the secret that only its owner ever sees. */
export interface RegisteredAccount {
  readonly account: Account;
  /** 32 characters; only its hash is stored. */
  readonly fingerprint: string;
}

/** What an account is made of that is not asked for. */
export interface AccountMaking {
  /** Makes a wallet, which takes a while. */
  readonly wallet: () => Promise<Wallet>;
  /** Keys the stored hash of the fingerprint; empty for the plain hash. */
  readonly pepper: string;
  /** Whether the account gets a wallet for deposits as well. @see protocol 01 §11 */
  readonly takesDeposits: boolean;
}

/** A payment wallet: its address, and its mnemonic as it is stored. */
export interface Wallet {
  readonly address: string;
  readonly secret: string;
}

/**
 * Creates an account with its payment wallet and its quota row. Wallets are made before the transaction.
 * @param also further work of the same transaction, once the account is there; its result is `extra`
 * @throws AppError `conflict` when the hotkey or the username (any case) is taken
 * @see protocol 01 §6.3
 */
export async function registerAccount<Extra = undefined>(
  db: Db,
  registration: Registration & AccountMaking,
  also?: (tx: Db, account: Account) => Promise<Extra>,
): Promise<RegisteredAccount & { readonly extra: Extra | null }> {
  const { wallet, takesDeposits } = registration;
  const [payment, deposits] = await Promise.all([wallet(), takesDeposits ? wallet() : undefined]);
  const fingerprint = newFingerprint();
  const made = newAccount(registration, { fingerprint, payment, deposits });
  const { walletSecret: _, fingerprintHash: __, developerWalletSecret: ___, ...known } = made;
  const account = { ...known, balanceMicroUsd: 0n };
  const extra = await db.transaction().execute(async (tx) => {
    await insertAll(tx, made, registration);
    return (await also?.(tx, account)) ?? null;
  });
  return { account, fingerprint, extra };
}

/** A new wallet under those keys. `initCrypto` must have been awaited. @see protocol 01 §10 */
export async function newWallet(keys: WalletKeys): Promise<Wallet> {
  const words = newMnemonic();
  return { address: keypairFromMnemonic(words).address, secret: await encryptWalletText(words, keys) };
}

/** The id derives from the plain hash also where another is stored: clients check it. @see protocol 01 §5.1 */
function newAccount(
  registration: Registration & AccountMaking,
  made: { readonly fingerprint: string; readonly payment: Wallet; readonly deposits: Wallet | undefined },
): NewAccount {
  const { payment, deposits } = made;
  return {
    userId: userIdOf(fingerprintHash(made.fingerprint)),
    fingerprintHash: storedFingerprint(made.fingerprint, registration.pepper),
    username: registration.username,
    hotkey: registration.hotkey,
    coldkey: registration.coldkey ?? payment.address,
    paymentAddress: payment.address,
    walletSecret: payment.secret,
    ...(deposits && { developerPaymentAddress: deposits.address, developerWalletSecret: deposits.secret }),
    permissions: registration.isFree ? PERMISSION.freeAccount : 0,
    logoId: registration.logoId ?? null,
    createdAt: registration.now,
  };
}

async function insertAll(tx: Db, account: NewAccount, { clientAddress, now, actor }: Registration): Promise<void> {
  const taken = await insertAccount(tx, account);
  if (taken === "hotkey") throw new AppError("conflict", `Hotkey ${account.hotkey} already has an account.`);
  if (taken === "username") throw new AppError("conflict", `Username ${account.username} is taken.`);
  const { userId, username, hotkey, coldkey } = account;
  await insertDefaultQuota(tx, userId, now);
  const details = { username, hotkey, coldkey };
  await recordAccountChange(tx, { userId, actor: actor ?? userId, action: "register", details, clientAddress }, now);
  await invalidate(tx, [{ kind: "account", id: userId }], now);
}

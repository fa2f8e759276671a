import { randomInt } from "node:crypto";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { fingerprintHash, userIdOf } from "../../wire/ids.js";
import { keypairFromMnemonic, newMnemonic } from "../../wire/mnemonic.js";
import { encryptWalletText, type WalletKeys } from "../../wire/wallet-cipher.js";
import { invalidate } from "../outbox/outbox-repository.js";
import { type Account, PERMISSION } from "./account.js";
import { insertAccount, insertDefaultQuota, type NewAccount, recordAccountChange } from "./account-repository.js";

/** Who wants an account. The names have been checked. */
export interface Registration {
  readonly username: string;
  readonly hotkey: string | null;
  /** Null: the payment address stands in for it. */
  readonly coldkey: string | null;
  readonly isFree: boolean;
  readonly clientAddress: string | null;
  readonly now: Date;
}

/** A new account with the secret that only its owner ever sees. */
export interface RegisteredAccount {
  readonly account: Account;
  /** 32 characters; only its hash is stored. */
  readonly fingerprint: string;
}

/**
 * Creates an account with its payment wallet and its quota row. `wallet` makes the wallet, which takes a while: it runs
 * before the transaction.
 * @throws AppError `conflict` when the hotkey or the username (any case) is taken
 * @see protocol 01 §6.3
 */
export async function registerAccount(
  db: Db,
  wallet: () => Promise<{ address: string; secret: string }>,
  registration: Registration,
): Promise<RegisteredAccount> {
  const { address, secret } = await wallet();
  const fingerprint = newFingerprint();
  const account = newAccount(registration, { fingerprint, address, secret });
  const taken = await db.transaction().execute((tx) => insertAll(tx, account, registration));
  if (taken === "hotkey") throw new AppError("conflict", `Hotkey ${account.hotkey} already has an account.`);
  if (taken === "username") throw new AppError("conflict", `Username ${account.username} is taken.`);
  const { walletSecret: _, fingerprintHash: __, ...created } = account;
  return { account: { ...created, balanceMicroUsd: 0n }, fingerprint };
}

/** A payment wallet: its address, and its mnemonic as it is stored. `initCrypto` must have been awaited. @see protocol 01 §10 */
export async function newWallet(keys: WalletKeys): Promise<{ address: string; secret: string }> {
  const words = newMnemonic();
  return { address: keypairFromMnemonic(words).address, secret: await encryptWalletText(words, keys) };
}

const FINGERPRINT_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** @see protocol 01 §5.1 */
function newFingerprint(): string {
  return Array.from({ length: 32 }, () => FINGERPRINT_LETTERS.charAt(randomInt(FINGERPRINT_LETTERS.length))).join("");
}

function newAccount(
  registration: Registration,
  made: { readonly fingerprint: string; readonly address: string; readonly secret: string },
): NewAccount {
  const hash = fingerprintHash(made.fingerprint);
  return {
    userId: userIdOf(hash),
    fingerprintHash: hash,
    username: registration.username,
    hotkey: registration.hotkey,
    coldkey: registration.coldkey ?? made.address,
    paymentAddress: made.address,
    walletSecret: made.secret,
    permissions: registration.isFree ? PERMISSION.freeAccount : 0,
    logoId: null,
    createdAt: registration.now,
  };
}

async function insertAll(tx: Db, account: NewAccount, { clientAddress, now }: Registration) {
  const taken = await insertAccount(tx, account);
  if (taken !== undefined) return taken;
  const { userId, username, hotkey, coldkey } = account;
  await insertDefaultQuota(tx, userId, now);
  const entry = { userId, actor: userId, action: "register", details: { username, hotkey, coldkey }, clientAddress };
  await recordAccountChange(tx, entry, now);
  await invalidate(tx, [{ kind: "account", id: userId }], now);
  return undefined;
}

import { randomUUID } from "node:crypto";
import { accountByUsername, userIdByHotkey } from "../../domain/accounts/account-repository.js";
import { insertApiKey } from "../../domain/accounts/api-key-repository.js";
import { changePermissions } from "../../domain/accounts/permission-repository.js";
import { permissionNames } from "../../domain/accounts/permission-texts.js";
import { newWallet, registerAccount } from "../../domain/accounts/registration.js";
import { isReservedUsername, isUsername } from "../../domain/accounts/username.js";
import { walletKeysOf } from "../../domain/billing/wallet-keys.js";
import { requireSettings } from "../../kernel/config/require.js";
import { AppError } from "../../kernel/errors.js";
import { apiKeyHash, newApiKey } from "../../wire/api-key.js";
import { initCrypto } from "../../wire/keypair.js";
import { decodeSs58 } from "../../wire/ss58.js";
import type { Desk } from "./desk.js";

/** Who is to be created. */
export interface WantedUser {
  readonly username: string;
  readonly hotkey: string | null;
  readonly coldkey: string | null;
  /** Bits of permissions. */
  readonly permissions: number;
  /** Name of an admin API key to make along; none without. */
  readonly keyName: string | undefined;
  readonly dryRun: boolean;
}

/** A new user. The secrets are seen here and never again; null in a dry run. */
export interface CreatedUser {
  readonly username: string;
  readonly user_id: string | null;
  readonly payment_address: string | null;
  readonly permissions: readonly string[];
  readonly fingerprint: string | null;
  readonly secret_key: string | null;
  readonly dry_run: boolean;
}

/** @throws AppError `invalid` or `conflict` for what cannot be registered */
export async function createUser(desk: Desk, wanted: WantedUser): Promise<CreatedUser> {
  const { config, db, by } = desk;
  requireSettings(config, ["accounts.walletKey", "accounts.pgEncryptionKey"]);
  const keys = walletKeysOf(config);
  await initCrypto();
  await check(desk, wanted);
  const { username, hotkey, coldkey, permissions, dryRun } = wanted;
  const names = permissionNames({ permissions });
  const nothing = { user_id: null, payment_address: null, fingerprint: null, secret_key: null };
  if (dryRun) return { username, permissions: names, ...nothing, dry_run: true };
  let secretKey: string | null = null;
  const { account, fingerprint } = await registerAccount(
    db,
    {
      username,
      hotkey,
      coldkey,
      ...by,
      isFree: config.accounts.allAccountsFree,
      wallet: () => newWallet(keys),
      pepper: config.accounts.fingerprintPepper,
      takesDeposits: config.accounts.developerDepositUsd > 0,
    },
    async (tx, { userId }) => {
      if (wanted.keyName === undefined) return;
      const apiKeyId = randomUUID();
      secretKey = newApiKey({ apiKeyId, userId });
      const record = { apiKeyId, userId, admin: true, name: wanted.keyName, createdAt: by.now, lastUsedAt: null };
      await insertApiKey(tx, { ...record, scopes: [] }, apiKeyHash(secretKey));
    },
  );
  const { userId } = account;
  if (permissions !== 0) await changePermissions(db, { ...by, userId, grant: permissions, revoke: 0 });
  await desk.announce([{ kind: "account", id: userId }]);
  return {
    username,
    user_id: userId,
    payment_address: account.paymentAddress,
    permissions: permissionNames({ permissions: account.permissions | permissions }),
    fingerprint,
    secret_key: secretKey,
    dry_run: false,
  };
}

async function check({ config, db }: Desk, { username, hotkey, coldkey }: WantedUser): Promise<void> {
  if (!isUsername(username))
    throw new AppError("invalid", "a username has 3 to 15 letters, digits, underscores or dashes");
  const isPlatform = username === config.platformUsername;
  if (!isPlatform && isReservedUsername(username, config.platformUsername))
    throw new AppError("conflict", `the username ${username} is reserved`);
  if ((await accountByUsername(db, username)) !== undefined)
    throw new AppError("conflict", `the username ${username} is taken`);
  for (const [flag, address] of [
    ["--hotkey", hotkey],
    ["--coldkey", coldkey],
  ] as const) {
    if (address !== null && decodeSs58(address) === undefined)
      throw new AppError("invalid", `${flag} is not an ss58 address with prefix 42`);
  }
  if (hotkey !== null && (await userIdByHotkey(db, hotkey)) !== undefined)
    throw new AppError("conflict", `the hotkey ${hotkey} already has an account`);
}

import { randomUUID } from "node:crypto";
import { allowToRegister } from "../../domain/accounts/allowlist-repository.js";
import { type Belongings, deleteAccount } from "../../domain/accounts/deletion-repository.js";
import { newFingerprint, storedFingerprint } from "../../domain/accounts/fingerprint.js";
import { changeIdentity } from "../../domain/accounts/identity-repository.js";
import { changePermissions } from "../../domain/accounts/permission-repository.js";
import { permissionNames } from "../../domain/accounts/permission-texts.js";
import { issueRegistrationToken } from "../../domain/accounts/registration-token-store.js";
import { microUsdOf, usdOf } from "../../domain/billing/amount.js";
import { adjustBalance } from "../../domain/billing/balance-repository.js";
import { AppError } from "../../kernel/errors.js";
import { decodeSs58 } from "../../wire/ss58.js";
import { accountAt, type Desk } from "./desk.js";

/** Which user, and whether only to say what would happen. */
export interface Target {
  readonly user: string;
  readonly dryRun: boolean;
}

/** Permissions by name before and after. */
export interface PermissionsReport {
  readonly user_id: string;
  readonly username: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly dry_run: boolean;
}

/** Grants and revokes permission bits. */
export async function permit(
  desk: Desk,
  { user, dryRun }: Target,
  bits: { readonly grant: number; readonly revoke: number },
): Promise<PermissionsReport> {
  const { userId, username, permissions } = await accountAt(desk, user);
  const planned = { before: permissions, after: (permissions | bits.grant) & ~bits.revoke };
  const changed = dryRun ? planned : await changePermissions(desk.db, { ...desk.by, userId, ...bits });
  if (changed === undefined) throw gone(user);
  if (!dryRun) await desk.announce([{ kind: "account", id: userId }]);
  const [before, after] = [changed.before, changed.after].map((held) => permissionNames({ permissions: held }));
  return { user_id: userId, username, before: before ?? [], after: after ?? [], dry_run: dryRun };
}

/** A changed balance in USD. */
export interface BalanceReport {
  readonly user_id: string;
  readonly username: string;
  readonly amount: number;
  readonly balance: number;
  readonly event_id: string | null;
  readonly dry_run: boolean;
}

/** Gives (above zero) or takes USD. @throws AppError `invalid` for an amount that is none */
export async function changeBalance(
  desk: Desk,
  { user, dryRun }: Target,
  { amountUsd, reason }: { readonly amountUsd: number; readonly reason: string },
): Promise<BalanceReport> {
  const { userId, username, balanceMicroUsd } = await accountAt(desk, user);
  const amountMicroUsd = microUsdOf(amountUsd);
  if (amountMicroUsd === undefined || amountMicroUsd === 0n)
    throw new AppError("invalid", "the amount must be a number of USD other than 0, of a millionth at least");
  const amount = usdOf(amountMicroUsd);
  const report = { user_id: userId, username, amount, dry_run: dryRun };
  if (dryRun) return { ...report, balance: usdOf(balanceMicroUsd + amountMicroUsd), event_id: null };
  const eventId = randomUUID();
  const balance = await adjustBalance(desk.db, { ...desk.by, userId, amountMicroUsd, reason, eventId });
  if (balance === undefined) throw gone(user);
  await desk.announce([{ kind: "account", id: userId }]);
  return { ...report, balance: usdOf(balance), event_id: eventId };
}

/** A user who was deleted, or would be. */
export interface DeletionReport {
  readonly user_id: string;
  readonly username: string;
  readonly deleted: boolean;
  readonly dry_run: boolean;
}

/** @throws AppError `conflict` naming what the account still has @see protocol 01 §6.7 */
export async function deleteUser(desk: Desk, { user, dryRun }: Target, reason: string): Promise<DeletionReport> {
  const { userId, username } = await accountAt(desk, user);
  if (dryRun) return { user_id: userId, username, deleted: false, dry_run: true };
  const inTheWay = await deleteAccount(desk.db, { ...desk.by, userId, reason });
  if (inTheWay === "gone") throw gone(user);
  if (inTheWay !== undefined) throw new AppError("conflict", `${username} still has ${describe(inTheWay)}`);
  await desk.announce([{ kind: "account", id: userId }]);
  return { user_id: userId, username, deleted: true, dry_run: false };
}

function describe({ permissions, balanceMicroUsd, chutes, images, secrets }: Belongings): string {
  const names = permissionNames({ permissions });
  const parts = [`${usdOf(balanceMicroUsd)} USD`, `${chutes} chutes`, `${images} images`, `${secrets} secrets`];
  return `${parts.join(", ")}${names.length > 0 ? ` and the permissions ${names.join(", ")}` : ""}`;
}

/** Gives a user a new fingerprint. Sessions end. @returns the fingerprint; null in a dry run */
export async function resetFingerprint(
  desk: Desk,
  { user, dryRun }: Target,
): Promise<{ user_id: string; username: string; fingerprint: string | null; dry_run: boolean }> {
  const { userId, username } = await accountAt(desk, user);
  if (dryRun) return { user_id: userId, username, fingerprint: null, dry_run: true };
  const fingerprint = newFingerprint();
  const fingerprintHash = storedFingerprint(fingerprint, desk.config.accounts.fingerprintPepper);
  const entry = { ...desk.by, userId, action: "reset_fingerprint", details: {} };
  if ((await changeIdentity(desk.db, { fingerprintHash }, entry)) !== "changed") throw gone(user);
  await desk.announce([{ kind: "account", id: userId }]);
  return { user_id: userId, username, fingerprint, dry_run: false };
}

/** Lets a hotkey register where registration is by list. */
export async function allowHotkey(
  desk: Desk,
  { hotkey, dryRun }: { readonly hotkey: string; readonly dryRun: boolean },
): Promise<{ hotkey: string; added: boolean; dry_run: boolean }> {
  if (decodeSs58(hotkey) === undefined)
    throw new AppError("invalid", "the hotkey is not an ss58 address with prefix 42");
  const { actor, now } = desk.by;
  const added = !dryRun && (await allowToRegister(desk.db, { hotkey, addedBy: actor, now }));
  return { hotkey, added, dry_run: dryRun };
}

/** A token with which one account can be registered. @throws AppError `config` without shared memory */
export async function registrationToken(desk: Desk): Promise<{ token: string; expires_in: number }> {
  if (desk.redis === undefined)
    throw new AppError("config", "registration tokens live in shared memory", {
      code: "CFG003",
      fix: "set REDIS_URL to the api's Redis",
    });
  const { token, expiresInSeconds } = await issueRegistrationToken(desk.redis);
  return { token, expires_in: expiresInSeconds };
}

function gone(user: string): AppError {
  return new AppError("not_found", `there is no user ${user}`);
}

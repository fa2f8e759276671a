import { userInfo } from "node:os";
import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { userIdByFingerprint } from "../../../../src/domain/accounts/identity-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { listKeys, revokeKeys } from "../../../../src/operator/keys/keys.js";
import {
  allowHotkey,
  changeBalance,
  deleteUser,
  permit,
  registrationToken,
  resetFingerprint,
} from "../../../../src/operator/users/change-user.js";
import { createUser, type WantedUser } from "../../../../src/operator/users/create-user.js";
import type { Desk } from "../../../../src/operator/users/desk.js";
import { changeDiscounts, changePrice, changeQuotas } from "../../../../src/operator/users/entitle-user.js";
import { ADMINISTRATOR, bitsOf } from "../../../../src/operator/users/permission-flags.js";
import { listUsers, showUser } from "../../../../src/operator/users/read-users.js";
import { apiKeyMatches } from "../../../../src/wire/api-key.js";
import { fingerprintHash } from "../../../../src/wire/ids.js";
import { ADDRESS_B } from "../../../support/account-api.js";
import { auditBooks } from "../../../support/money-test.js";
import { operatorTest as test } from "../../../support/operator-test.js";

const CHUTE = "f97cf5ef-3f14-5f63-9046-bbd1e8170cda";
const OPERATOR = `operator:${userInfo().username}`;

const create = (wanted: Partial<WantedUser> & { username: string }) => (desk: Desk) =>
  createUser(desk, { hotkey: null, coldkey: null, permissions: 0, keyName: undefined, dryRun: false, ...wanted });

async function auditOf(db: Db) {
  return db.selectFrom("account_audit").select(["actor", "action", "details"]).orderBy("audit_id").execute();
}

test("01 §7: the first administrator is made from nothing, with a key that works", async ({ at, db }) => {
  const made = await at(create({ username: "boss", permissions: bitsOf(ADMINISTRATOR), keyName: "console" }));
  expect(made.permissions).toEqual(["billing_admin", "create_user", "delete_user", "super_admin", "update_user"]);
  const user = await db.selectFrom("users").selectAll().executeTakeFirstOrThrow();
  expect(user).toMatchObject({ user_id: made.user_id, payment_address: made.payment_address, hotkey: null });
  expect(user.fingerprint_hash).toBe(fingerprintHash(made.fingerprint ?? ""));
  const key = await db.selectFrom("api_keys").selectAll().executeTakeFirstOrThrow();
  expect(key).toMatchObject({ admin: true, name: "console" });
  expect(apiKeyMatches(made.secret_key ?? "", key.key_hash)).toBe(true);
  expect(await auditOf(db)).toMatchObject([
    { actor: OPERATOR, action: "register" },
    { actor: OPERATOR, action: "change_permissions" },
  ]);
});

test("what cannot be registered is refused, and a dry run only checks", async ({ at, db }) => {
  await at(create({ username: "alice", hotkey: ADDRESS_B }));
  expect(await at(create({ username: "bob", dryRun: true }))).toMatchObject({ user_id: null, fingerprint: null });
  await expect(at(create({ username: "ALICE" }))).rejects.toMatchObject({ kind: "conflict" });
  await expect(at(create({ username: "growth" }))).rejects.toMatchObject({ kind: "conflict" });
  await expect(at(create({ username: "a b" }))).rejects.toMatchObject({ kind: "invalid" });
  await expect(at(create({ username: "bob", hotkey: ADDRESS_B }))).rejects.toMatchObject({ kind: "conflict" });
  await expect(at(create({ username: "bob", coldkey: "5Grw" }))).rejects.toMatchObject({ kind: "invalid" });
  expect(() => bitsOf(["king"])).toThrow(expect.objectContaining({ fix: expect.stringContaining("billing_admin") }));
  expect(await db.selectFrom("users").select("username").execute()).toEqual([{ username: "alice" }]);
});

test("permissions are granted and revoked by name, any spelling, and a dry run tells the outcome", async ({
  at,
  db,
}) => {
  await at(create({ username: "alice" }));
  const grant = bitsOf(["developer", "public-model-deployment"]);
  const target = { user: "alice", dryRun: false };
  const planned = await at((desk) => permit(desk, { ...target, dryRun: true }, { grant, revoke: 0 }));
  expect(planned).toMatchObject({ before: [], after: ["developer", "public_model_deployment"], dry_run: true });
  expect(await at((desk) => permit(desk, target, { grant, revoke: 0 }))).toEqual({ ...planned, dry_run: false });
  const revoke = PERMISSION.developer;
  expect(await at((desk) => permit(desk, target, { grant: 0, revoke }))).toMatchObject({
    after: ["public_model_deployment"],
  });
  const { permissions_bitmask: bits } = await db
    .selectFrom("users")
    .select("permissions_bitmask")
    .executeTakeFirstOrThrow();
  expect(bits).toBe(PERMISSION.publicModelDeployment);
  await expect(at((desk) => permit(desk, { ...target, user: "bob" }, { grant, revoke: 0 }))).rejects.toMatchObject({
    kind: "not_found",
  });
});

test("balances change in the books, and running processes are told", async ({ at, db }) => {
  const { user_id: userId } = await at(create({ username: "alice" }));
  const target = { user: "alice", dryRun: false };
  const gift = { amountUsd: 25.5, reason: "welcome" };
  expect(await at((desk) => changeBalance(desk, { ...target, dryRun: true }, gift))).toMatchObject({ balance: 25.5 });
  expect(await at((desk) => changeBalance(desk, target, gift))).toMatchObject({ balance: 25.5, amount: 25.5 });
  const take = { amountUsd: -0.5, reason: "fee" };
  expect(await at((desk) => changeBalance(desk, target, take))).toMatchObject({ balance: 25 });
  for (const amountUsd of [0, Number.NaN, 1e308]) {
    await expect(at((desk) => changeBalance(desk, target, { ...gift, amountUsd }))).rejects.toMatchObject({
      kind: "invalid",
    });
  }
  expect(await auditBooks(db)).toEqual({ sum: 0n, wrong: [] });
  const events = await db.selectFrom("outbox").select("payload").execute();
  expect(events.map(({ payload }) => payload)).toContainEqual({ kind: "account", id: userId });
});

test("quotas and discounts are put in, taken out and cleared", async ({ at }) => {
  await at(create({ username: "alice" }));
  const target = { user: "alice", dryRun: false };
  const quota = (set: string[], more: { unset?: string[]; clear?: boolean; dryRun?: boolean } = {}) => {
    const change = { set, unset: more.unset ?? [], clear: more.clear ?? false };
    return at((desk) => changeQuotas(desk, { ...target, dryRun: more.dryRun ?? false }, change));
  };
  expect(await quota([`${CHUTE}=5`, "*=100"])).toMatchObject({ before: { "*": 0 }, after: { "*": 100, [CHUTE]: 5 } });
  expect(await quota([], { clear: true, dryRun: true })).toMatchObject({ after: {} });
  expect(await quota([], { unset: ["*"] })).toMatchObject({ before: { "*": 100, [CHUTE]: 5 }, after: { [CHUTE]: 5 } });
  for (const bad of ["*=1.5", "*=-1", "*=", "my-chute=1", "*"]) {
    await expect(quota([bad])).rejects.toMatchObject({ kind: "invalid" });
  }
  const discount = (entry: string) =>
    at((desk) => changeDiscounts(desk, target, { set: [entry], unset: [], clear: false }));
  expect(await discount("*=0.25")).toMatchObject({ after: { "*": 0.25 } });
  await expect(discount("*=1")).rejects.toMatchObject({ kind: "invalid" });
  expect(await at((desk) => showUser(desk, "alice"))).toMatchObject({
    quotas: [{ chute_id: CHUTE, quota: 5 }],
    discounts: [{ chute_id: "*", discount: 0.25 }],
  });
});

test("prices are set for a user and for everybody, and taken back", async ({ at, db }) => {
  await at(create({ username: "alice" }));
  const price = { perRequest: 0.5, perMillionIn: null, perMillionOut: null, perStep: null };
  const set = (user: string, chosen: typeof price | null) =>
    at((desk) => changePrice(desk, { user, dryRun: false }, { chuteId: CHUTE, price: chosen }));
  await set("alice", price);
  await set("*", { ...price, perRequest: 2 });
  expect(await at((desk) => showUser(desk, "alice"))).toMatchObject({
    prices: [{ chute_id: CHUTE, per_request: 0.5 }],
  });
  await set("alice", null);
  expect(await db.selectFrom("price_overrides").select(["user_id", "per_request"]).execute()).toEqual([
    { user_id: "*", per_request: 2 },
  ]);
  await expect(set("alice", { ...price, perRequest: -1 })).rejects.toMatchObject({ kind: "invalid" });
});

test("a new fingerprint takes the old one's place", async ({ at, db, ctx }) => {
  const { fingerprint: old, user_id: userId } = await at(create({ username: "alice" }));
  const none = await at((desk) => resetFingerprint(desk, { user: "alice", dryRun: true }));
  expect(none.fingerprint).toBeNull();
  const { fingerprint } = await at((desk) => resetFingerprint(desk, { user: "alice", dryRun: false }));
  expect(fingerprint).toMatch(/^[A-Za-z0-9]{32}$/);
  expect(ctx.config.accounts.fingerprintPepper).toBe("");
  expect(await userIdByFingerprint(db, [fingerprintHash(fingerprint ?? "")])).toBe(userId);
  expect(await userIdByFingerprint(db, [fingerprintHash(old ?? "")])).toBeUndefined();
  const audit = await auditOf(db);
  expect(audit.at(-1)).toMatchObject({ actor: OPERATOR, action: "reset_fingerprint" });
  expect(JSON.stringify(audit)).not.toContain(fingerprint);
});

test("an account that still has something is not deleted, and says what", async ({ at, db }) => {
  await at(create({ username: "alice", permissions: PERMISSION.billingAdmin }));
  const target = { user: "alice", dryRun: false };
  await expect(at((desk) => deleteUser(desk, target, "r"))).rejects.toThrow(/billing_admin/);
  await at((desk) => permit(desk, target, { grant: 0, revoke: PERMISSION.billingAdmin }));
  expect(await at((desk) => deleteUser(desk, { ...target, dryRun: true }, "r"))).toMatchObject({ deleted: false });
  expect(await at((desk) => deleteUser(desk, target, "r"))).toMatchObject({ deleted: true });
  expect(await db.selectFrom("users").selectAll().execute()).toEqual([]);
});

test("keys are listed and revoked by name or all at once", async ({ at, db }) => {
  await at(create({ username: "alice", keyName: "ci" }));
  const [key] = await at((desk) => listKeys(desk, "alice", 10));
  expect(key).toMatchObject({ name: "ci", admin: true, scopes: 0, last_used_at: null });
  const revoke = (keys: string[], more: { all?: boolean; dryRun?: boolean }) =>
    at((desk) => revokeKeys(desk, "alice", { keys, all: more.all ?? false, dryRun: more.dryRun ?? false }));
  await expect(revoke(["other"], {})).rejects.toMatchObject({ kind: "not_found" });
  expect((await revoke([], { all: true, dryRun: true })).revoked).toHaveLength(1);
  expect((await revoke(["ci"], {})).revoked).toMatchObject([{ name: "ci" }]);
  expect(await db.selectFrom("api_keys").selectAll().execute()).toEqual([]);
  const events = await db.selectFrom("outbox").select("payload").execute();
  expect(events.map(({ payload }) => payload)).toContainEqual({ kind: "api_key", id: key?.api_key_id });
});

test("users are listed by name, page after page", async ({ at }) => {
  for (const username of ["carol", "alice", "Bob"]) await at(create({ username }));
  const list = (part: string, after: string, limit: number) =>
    at((desk) => listUsers(desk, { part, after, limit })).then((users) => users.map((user) => user.username));
  expect(await list("", "", 2)).toEqual(["alice", "Bob"]);
  expect(await list("", "BOB", 2)).toEqual(["carol"]);
  expect(await list("O", "", 9)).toEqual(["Bob", "carol"]);
});

test("hotkeys are allowed once; tokens need shared memory", async ({ at, db }) => {
  const allow = (hotkey: string, dryRun = false) => at((desk) => allowHotkey(desk, { hotkey, dryRun }));
  expect(await allow(ADDRESS_B, true)).toMatchObject({ added: false, dry_run: true });
  expect(await allow(ADDRESS_B)).toMatchObject({ added: true });
  expect(await allow(ADDRESS_B)).toMatchObject({ added: false });
  expect(await db.selectFrom("registration_allowlist").select("added_by").execute()).toEqual([{ added_by: OPERATOR }]);
  await expect(allow("5Grw")).rejects.toMatchObject({ kind: "invalid" });
  await expect(at(registrationToken)).rejects.toMatchObject({ kind: "config", code: "CFG003" });
});

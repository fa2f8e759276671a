import { expect } from "vitest";
import { PERMISSION } from "../../src/domain/accounts/account.js";
import { allowToRegister } from "../../src/domain/accounts/allowlist-repository.js";
import { issueRegistrationToken } from "../../src/domain/accounts/registration-token-store.js";
import { apiKeyHash } from "../../src/wire/api-key.js";
import { keypairFromMnemonic } from "../../src/wire/mnemonic.js";
import { decryptWalletText } from "../../src/wire/wallet-cipher.js";
import { startLocalChain } from "../fakes/chain-local.js";
import { type AccountApi, ADDRESS_B, call, givenDeveloper, newSigner } from "../support/account-api.js";
import { expectRefused, givenVectorAccount, test } from "../support/account-test.js";
import vectors from "../vectors/01-identity.json" with { type: "json" };

const { ids } = vectors;
/** Of that very key, by an independent implementation. @see protocol 01 §22.2 */
const ARGON2_HASH = "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$N8j1M7qe/+J8yMx3hAvJIuh0Qp2n5IJXaomIYokmTuU";

const register = (api: AccountApi, username: string, more: { coldkey?: string; token?: string } = {}) =>
  call(api, {
    url: `/users/register${more.token === undefined ? "" : `?token=${more.token}`}`,
    body: { username, coldkey: more.coldkey ?? ADDRESS_B },
    signer: newSigner(),
  });

const givenAdmin = (api: AccountApi, permissions: number) => givenDeveloper(api, { username: "admin", permissions });

async function givenOwner(api: AccountApi, username: string, permissions = 0) {
  const signer = newSigner();
  const answer = await call(api, { url: "/users/register", body: { username, coldkey: ADDRESS_B }, signer });
  const { user_id: userId, fingerprint } = answer.json<{ user_id: string; fingerprint: string }>();
  await api.db.updateTable("users").set({ permissions_bitmask: permissions }).where("user_id", "=", userId).execute();
  api.directory.drop({ kind: "account", id: userId });
  return { signer, userId, fingerprint };
}

test("01 §23.11: an imported key works at once, and its slow hash is replaced on first use", async ({ api, db }) => {
  await givenVectorAccount(api);
  const key = { api_key_id: ids.apiKeyId, user_id: ids.userId, name: "imported", admin: true };
  await db
    .insertInto("api_keys")
    .values({ ...key, key_hash: ARGON2_HASH, created_at: api.clock.now })
    .execute();
  const me = (apiKey: string) => call(api, { url: "/users/me", apiKey });
  for (const at of [4, 40, 70, 101]) {
    const letter = ids.apiKey.charAt(at) === "1" ? "2" : "1";
    expectRefused(await me(ids.apiKey.slice(0, at) + letter + ids.apiKey.slice(at + 1)), 401);
  }
  const firsts = await Promise.all([me(ids.apiKey), me(ids.apiKey)]);
  expect(firsts.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  const { key_hash: stored } = await db.selectFrom("api_keys").select("key_hash").executeTakeFirstOrThrow();
  expect(stored).toBe(apiKeyHash(ids.apiKey));
  expect((await me(ids.apiKey)).statusCode).toBe(200);
});

test("01 §6.3: by list, only listed hotkeys register", async ({ start, db }) => {
  const api = await start({ accounts: { registrationMode: "allowlist" } });
  const signer = newSigner();
  const send = () => call(api, { url: "/users/register", body: { username: "alice", coldkey: ADDRESS_B }, signer });
  expectRefused(await send(), 403, signer.address);
  const entry = { hotkey: signer.address, addedBy: "operator", now: api.clock.now };
  expect([await allowToRegister(db, entry), await allowToRegister(db, entry)]).toEqual([true, false]);
  expect((await send()).statusCode).toBe(200);
});

test("01 §6.3: by token, one token lets one account in, and a failed registration leaves it good", async ({
  start,
}) => {
  const api = await start({ accounts: { registrationMode: "token" } });
  expectRefused(await register(api, "alice"), 400, "token");
  expectRefused(await register(api, "alice", { token: "replaceme" }), 403);
  expectRefused(await register(api, "alice", { token: "0b7c1a52-5f3d-4b8e-9d0a-1c2d3e4f5061" }), 403);
  const { token, expiresInSeconds } = await issueRegistrationToken(api.redis);
  expect(expiresInSeconds).toBe(300);
  expectRefused(await register(api, "a!", { token }), 400, "username");
  const two = await Promise.all([register(api, "alice", { token }), register(api, "bob", { token })]);
  expect(two.map(({ statusCode }) => statusCode).sort()).toEqual([200, 403]);
  expectRefused(await register(api, "carol", { token }), 403);
});

test("01 §6.3: the coldkey must hold what the platform asks for, checked after names and before its shape", async ({
  start,
  db,
  log,
}) => {
  const chain = await startLocalChain({ db, log });
  const api = await start({ accounts: { registrationMinTao: 0.25 }, chain: chain.client });
  const [rich, poor] = [newSigner().address, newSigner().address];
  await chain.chain.fund(rich, 250_000_000n);
  await chain.chain.fund(poor, 249_999_999n);
  expectRefused(await register(api, "alice", { coldkey: poor }), 402, "0.25");
  expectRefused(await register(api, "a!", { coldkey: poor }), 400, "username");
  expectRefused(await register(api, "alice", { coldkey: "cold" }), 400, "coldkey");
  expect((await register(api, "alice", { coldkey: rich })).statusCode).toBe(200);
  expectRefused(await register(api, "alice", { coldkey: poor }), 409, "taken");
  await chain.close();
});

test("01 §11: where deposits are asked for, an account has a second wallet of its own", async ({ start, db }) => {
  const api = await start({ accounts: { developerDepositUsd: 250 } });
  const signer = newSigner();
  const body = { username: "alice", coldkey: ADDRESS_B };
  const registered = (await call(api, { url: "/users/register", body, signer })).json();
  const stored = await db.selectFrom("users").selectAll().executeTakeFirstOrThrow();
  expect(registered.developer_payment_address).toBe(stored.developer_payment_address);
  expect(registered.developer_payment_address).not.toBe(registered.payment_address);
  const keys = { walletKeyHex: api.config.accounts.walletKey, pgKey: api.config.accounts.pgEncryptionKey };
  const words = await decryptWalletText(stored.developer_wallet_secret ?? "", keys);
  expect(keypairFromMnemonic(words).address).toBe(stored.developer_payment_address);
  const me = await call(api, { url: "/users/me", signer, purpose: "me" });
  expect(me.json().developer_payment_address).toBe(stored.developer_payment_address);
});

test("01 §8: an administrator creates accounts, with an admin key and with or without keys of their own", async ({
  api,
}) => {
  const admin = await givenAdmin(api, PERMISSION.createUser);
  const create = (body: object, signer = admin.signer) => call(api, { url: "/users/create_user", body, signer });
  const made = await create({ username: "alice" });
  expect(made.statusCode).toBe(200);
  const account = made.json();
  expect(account).toMatchObject({ username: "alice", hotkey: null, coldkey: account.payment_address });
  expect(account.api_key).toMatchObject({ name: "default", admin: true, user_id: account.user_id, scopes: [] });
  const me = await call(api, { url: "/users/me", apiKey: account.api_key.secret_key });
  expect(me.json()).toMatchObject({ user_id: account.user_id, hotkey: null });
  const keys = { hotkey: newSigner().address, coldkey: ADDRESS_B };
  expect((await create({ username: "bob", ...keys })).json()).toMatchObject(keys);
  expectRefused(await create({ username: "carol", ...keys }), 400, "already");
  expectRefused(await create({ username: "carol", hotkey: ADDRESS_B }), 400, "both");
  expectRefused(await create({ username: "carol", hotkey: "x", coldkey: ADDRESS_B }), 400, "hotkey");
  expectRefused(await create({ username: "carol", logo_id: "no-logo" }), 400, "logo");
  expectRefused(await create({ username: "ALICE" }), 409);
  expectRefused(await create({ username: "c!" }), 400);
  const stranger = await givenDeveloper(api, { username: "stranger" });
  expectRefused(await create({ username: "carol" }, stranger.signer), 403);
  const audit = await api.db
    .selectFrom("account_audit")
    .select(["action", "actor"])
    .where("user_id", "=", account.user_id)
    .execute();
  expect(audit).toEqual([{ action: "register", actor: admin.userId }]);
});

test("01 §5.3: the fingerprint changes the keys of an account, bare or behind a scheme word", async ({ api }) => {
  const alice = await givenOwner(api, "alice");
  const bob = await givenOwner(api, "bob");
  const change = (authorization: string, body: unknown) =>
    call(api, { url: "/users/change_bt_auth", body, headers: { authorization } });
  const next = newSigner();
  const answer = await change(alice.fingerprint, { hotkey: next.address });
  expect([answer.statusCode, answer.json()]).toMatchObject([200, { hotkey: next.address, coldkey: ADDRESS_B }]);
  expect((await call(api, { url: "/users/me", signer: next, purpose: "me" })).statusCode).toBe(200);
  expectRefused(await call(api, { url: "/users/me", signer: alice.signer, purpose: "me" }), 401);
  expect((await change(`Basic ${alice.fingerprint}`, { coldkey: next.address })).json().coldkey).toBe(next.address);
  expectRefused(await change(alice.fingerprint, { hotkey: bob.signer.address }), 409);
  expectRefused(await change(alice.fingerprint, { hotkey: "5Grw" }), 400, "hotkey");
  expectRefused(await change(alice.fingerprint, { coldkey: "0x00" }), 400, "coldkey");
  expectRefused(await change(alice.fingerprint, {}), 400);
  expect((await change(alice.fingerprint, { hotkey: 7 })).statusCode).toBe(422);
  expectRefused(await change("wrong", { hotkey: next.address }), 401);
  expectRefused(await call(api, { url: "/users/change_bt_auth", body: {} }), 401);
});

test("01 §6.7: an account that holds something of weight stays", async ({ api, db }) => {
  const { userId, fingerprint } = await givenOwner(api, "alice", PERMISSION.freeAccount | PERMISSION.billingAdmin);
  const remove = () => call(api, { method: "DELETE", url: "/users/me", headers: { authorization: fingerprint } });
  const set = (values: { permissions_bitmask?: number; balance_micro_usd?: bigint }) =>
    db.updateTable("users").set(values).execute();
  const blocked = await remove();
  expect([blocked.statusCode, blocked.json()]).toEqual([
    409,
    {
      detail: {
        message: expect.any(String),
        user_id: userId,
        balance: 0,
        permissions: ["billing_admin", "free_account"],
        chutes: 0,
        images: 0,
        secrets: 0,
      },
    },
  ]);
  await set({ permissions_bitmask: PERMISSION.freeAccount, balance_micro_usd: 25_000_001n });
  expect((await remove()).statusCode).toBe(409);
  await set({ balance_micro_usd: -25_000_001n });
  expect((await remove()).statusCode).toBe(409);
  await set({ balance_micro_usd: 25_000_000n });
  const image = { image_id: "i", user_id: userId, name: "n", tag: "t", created_at: api.clock.now };
  await db
    .insertInto("images")
    .values({ ...image, chutes_version: "0.6.10", public: false, status: "built and pushed" })
    .execute();
  expect((await remove()).json().detail.images).toBe(1);
  await db.deleteFrom("images").execute();
  expect((await remove()).json()).toEqual({ deleted: true });
});

test("01 §6.7: with an account its keys are gone at once, and only the audit remembers it", async ({ api, db }) => {
  const { userId, fingerprint, signer } = await givenOwner(api, "alice");
  const created = await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, signer });
  const apiKey: string = created.json().secret_key;
  expect((await call(api, { url: "/users/me", apiKey })).statusCode).toBe(200);
  const { token } = (await call(api, { url: "/users/login", body: { fingerprint } })).json();
  const authorization = `Basic ${fingerprint}`;
  const deleted = await call(api, { method: "DELETE", url: "/users/me", headers: { authorization } });
  expect(deleted.json()).toEqual({ deleted: true });
  expectRefused(await call(api, { url: "/users/me", apiKey }), 401);
  expectRefused(await call(api, { url: "/users/me", signer, purpose: "me" }), 401);
  expectRefused(await call(api, { url: "/users/me", headers: { authorization: `Bearer ${token}` } }), 401);
  expectRefused(await call(api, { method: "DELETE", url: "/users/me", headers: { authorization } }), 401);
  expect(await db.selectFrom("users").select("user_id").execute()).toEqual([]);
  const audit = await db.selectFrom("account_audit").select(["user_id", "action"]).orderBy("audit_id").execute();
  expect(audit).toEqual(["register", "create_api_key", "delete"].map((action) => ({ user_id: userId, action })));
});

test("01 §6.7: an administrator with the bit deletes others, by id or name, and says why", async ({ api }) => {
  const admin = await givenAdmin(api, PERMISSION.deleteUser);
  const [one, two] = [await givenOwner(api, "one"), await givenOwner(api, "two")];
  const remove = (user: string, body: unknown, signer = admin.signer) =>
    call(api, { method: "DELETE", url: `/users/${user}`, body, signer });
  expectRefused(await remove("one", { reason: "spam" }, two.signer), 403);
  expect((await remove("one", {})).statusCode).toBe(422);
  expect((await remove("ONE", { reason: "spam" })).json()).toEqual({ user_id: one.userId, deleted: true });
  expect((await remove(two.userId, { reason: "spam" })).json()).toEqual({ user_id: two.userId, deleted: true });
  expectRefused(await remove("two", { reason: "spam" }), 404);
  const { details, actor } = await api.db
    .selectFrom("account_audit")
    .select(["details", "actor"])
    .where("action", "=", "delete")
    .where("user_id", "=", one.userId)
    .executeTakeFirstOrThrow();
  expect([actor, details]).toMatchObject([admin.userId, { username: "one", reason: "spam" }]);
});

test("01 §7: a super-admin grants and revokes by name, with an audit row", async ({ api }) => {
  const admin = await givenAdmin(api, PERMISSION.superAdmin);
  const alice = await givenOwner(api, "alice");
  const patch = (body: unknown, signer = admin.signer, user = "Alice") =>
    call(api, { method: "PATCH", url: `/users/${user}/permissions`, body, signer });
  const granted = await patch({ grant: ["public_model_deployment", "unlimited"], reason: "launch partner" });
  expect(granted.json()).toMatchObject({
    user_id: alice.userId,
    permissions_bitmask: 2080,
    permissions: ["Allow deploying models publicly.", "Call without rate limits."],
  });
  const me = await call(api, { url: "/users/me", signer: alice.signer, purpose: "me" });
  expect(me.json().permissions_bitmask).toBe(2080);
  expect((await patch({ revoke: ["unlimited"] })).json().permissions_bitmask).toBe(2048);
  expectRefused(await patch({ grant: ["emperor"] }), 400, "billing_admin");
  expectRefused(await patch({}), 400);
  expectRefused(await patch({ grant: ["unlimited"] }, alice.signer), 403);
  expectRefused(await patch({ grant: ["unlimited"] }, admin.signer, "nobody"), 404);
  const audit = await api.db
    .selectFrom("account_audit")
    .select(["actor", "details"])
    .where("action", "=", "change_permissions")
    .orderBy("audit_id")
    .execute();
  expect(audit).toEqual([
    { actor: admin.userId, details: { before: 0, after: 2080, reason: "launch partner" } },
    { actor: admin.userId, details: { before: 2080, after: 2048 } },
  ]);
});

test("01 §7: a listed hotkey links one account, which is then free and a developer", async ({ start }) => {
  const [hotkey, unlisted] = [newSigner(), newSigner()];
  const api = await start({ accounts: { validatorHotkeys: ` ${hotkey.address} , ${ADDRESS_B}` } });
  const alice = await givenOwner(api, "alice");
  const bob = await givenOwner(api, "bob");
  const link = (who: typeof alice, username: string, { by = hotkey, kind = "validator" } = {}) => {
    const signature = Buffer.from(by.sign(`${by.address}:${username}`)).toString("hex");
    const url = `/users/link_${kind}?${new URLSearchParams({ hotkey: by.address, signature })}`;
    return call(api, { url, signer: who.signer, purpose: "link_account" });
  };
  expectRefused(await link(alice, "bob"), 401);
  expectRefused(await link(alice, "alice", { by: unlisted }), 401);
  const linked = await link(alice, "alice");
  expect(linked.json()).toMatchObject({ username: "alice", permissions_bitmask: 17 });
  expect((await link(alice, "alice")).statusCode).toBe(200);
  expectRefused(await link(bob, "bob"), 409);
  expectRefused(await link(alice, "alice", { kind: "subnet_owner" }), 404);
});

test("01 §6.5: an account wears a logo of its own and no other", async ({ api, db }) => {
  const alice = await givenOwner(api, "alice");
  const bob = await givenOwner(api, "bob");
  const logoId = "0b7c1a52-5f3d-4b8e-9d0a-1c2d3e4f5061";
  await db
    .insertInto("logos")
    .values({ logo_id: logoId, user_id: alice.userId, path: `/logos/${logoId}.webp`, created_at: api.clock.now })
    .execute();
  const keyOf = async (signer: typeof alice.signer) =>
    (await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, signer })).json().secret_key as string;
  const apiKey = await keyOf(alice.signer);
  const set = (id: string, key = apiKey) => call(api, { url: `/users/set_logo?logo_id=${id}`, apiKey: key });
  const logo = `https://logos.example.org/logos/${logoId}.webp`;
  expect((await set(logoId)).json()).toMatchObject({ logo_id: logoId, logo });
  expect((await call(api, { url: "/users/me", apiKey })).json()).toMatchObject({ logo_id: logoId, logo });
  expectRefused(await set(logoId, await keyOf(bob.signer)), 404);
  expectRefused(await set("no-logo"), 404);
  const put = (id: unknown) => call(api, { method: "PUT", url: "/users/me/logo", body: { logo_id: id }, apiKey });
  expect((await put(null)).json()).toMatchObject({ logo_id: null, logo: null });
  expect((await put(logoId)).json()).toMatchObject({ logo_id: logoId });
  expect((await put(7)).statusCode).toBe(422);
});

test("01 §20: text that no database keeps is 400, wherever it is sent", async ({ api }) => {
  const { signer } = await givenOwner(api, "alice", PERMISSION.superAdmin);
  const read = (url: string) => call(api, { url, signer, purpose: "api_keys" });
  expectRefused(await read("/api_keys/%00"), 400, "NUL");
  expectRefused(await read("/api_keys/?name=%00"), 400, "NUL");
  const scopes = [{ object_type: "chutes", object_id: "\u0000" }];
  expectRefused(await call(api, { url: "/api_keys/", body: { name: "k", admin: false, scopes }, signer }), 400, "NUL");
  // An escaped backslash before it makes it ordinary text.
  const escaped = await call(api, { url: "/api_keys/", body: { name: "\\u0000", admin: true }, signer });
  expectRefused(escaped, 400, "name");
  const reason = { grant: ["unlimited"], reason: "\u0000" };
  expectRefused(await call(api, { method: "PATCH", url: "/users/alice/permissions", body: reason, signer }), 400);
});

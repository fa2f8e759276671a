import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { apiKeyHash } from "../../src/wire/api-key.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { fingerprintHash, userIdOf } from "../../src/wire/ids.js";
import { type Keypair, keypairFromSeed } from "../../src/wire/keypair.js";
import { keypairFromMnemonic } from "../../src/wire/mnemonic.js";
import { decodeSs58 } from "../../src/wire/ss58.js";
import { decryptWalletText } from "../../src/wire/wallet-cipher.js";
import {
  type AccountApi,
  ADDRESS_B,
  call,
  deploy,
  givenDeveloper,
  givenImage,
  NOW,
  newSigner,
  SEED_A,
  SEED_B,
} from "../support/account-api.js";
import { test } from "../support/account-test.js";

const HOTKEY_A = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const NONCE = "1760000000";
const COMPACT = `{"username":"alice_01","coldkey":"${ADDRESS_B}"}`;
const SPACED = `{"username": "alice_01", "coldkey": "${ADDRESS_B}"}`;
/** Signatures of protocol 01 §22.1, all by A at the fixed nonce. */
const SIGNATURE = {
  me: "508c2f24c7a90e3aaa7ecc036c60aa24f909b52c5c1dbbfbba417623ab4a5f79588fc7af457edd4c12e1754a6328ab6e498d551581520bb562e3bd90f96dfb86",
  apiKeys:
    "f6d2c8bd0da86498d11732cdf51926c30cf219f209f0292962880b28fa76931e2279f0fa76eaf56f73fe475c51a2751f6417d20590b54f4507a7dfcabe8e8f8c",
  compact:
    "8a5d50dabc9b87b9bd17123f25fb8a98081e8072d8fdcd7348006a77e41fee58ea4c1f66784461f0e396f1fbc3c9b2f31bf9d5c410d553c88deb07471d5d6f8b",
  spaced:
    "c4e78f492cf8ff31e2e5aa405815d36e3654f8374e95160c92d21273aff8883a6bdd321694c055ce4322fe02ec98574b5269afdbfe0c136003accacc4ed85d8a",
  empty:
    "e49d76e679a334ba2f02da470a702c1910bb0104a334692d3c59faf920bd4636b0c4966d6b13ab58bbada5fba3682670a20c2209c7960423b94093c6e93e0a88",
  wrapped:
    "a80005e24743bfd5f138dfde4464165079d21dbf6574719bce7bdc59331404199aa7969c16c82f8714861aa9f07e3aa081202bf5ceeb99750f799231d8c5cb83",
  zeroKey:
    "b4c1b3cdef7ba1bd94fa95c7b736622046ef663285813c2293c52c5f4f9fb0113930000000000000000000000000000000000000000000000000000000000080",
};

const signedBy = (hotkey: string, nonce: string, signature: string) => ({
  "x-chutes-hotkey": hotkey,
  "x-chutes-nonce": nonce,
  "x-chutes-signature": signature,
});

const registerA = (api: AccountApi, body = COMPACT, signature = SIGNATURE.compact) =>
  call(api, { url: "/users/register?token=replaceme", body, headers: signedBy(HOTKEY_A, NONCE, signature) });

const keyA = () => keypairFromSeed(SEED_A);

const getMe = (api: AccountApi, headers: Record<string, string | string[]>) => call(api, { url: "/users/me", headers });

/** A 401 whose body is the JSON that clients parse. */
function expectRefused(response: Awaited<ReturnType<typeof call>>, detail?: string): void {
  expect(response.statusCode).toBe(401);
  expect(response.headers["content-type"]).toContain("application/json");
  expect(response.json()).toEqual({ detail: expect.stringContaining(detail ?? "") });
}

test("01 §23.1: vector signatures are accepted through HTTP, wrapped ones by the fallback", async ({ api }) => {
  expect((await registerA(api)).statusCode).toBe(200);
  expect((await getMe(api, signedBy(HOTKEY_A, NONCE, SIGNATURE.me))).statusCode).toBe(200);
  expect((await getMe(api, signedBy(HOTKEY_A, NONCE, SIGNATURE.me.toUpperCase()))).statusCode).toBe(200);
  expect((await getMe(api, signedBy(HOTKEY_A, NONCE, SIGNATURE.wrapped))).statusCode).toBe(200);
  const keys = await call(api, { url: "/api_keys/", headers: signedBy(HOTKEY_A, NONCE, SIGNATURE.apiKeys) });
  expect(keys.json()).toEqual({ total: 0, page: 0, limit: 25, items: [], cord_refs: null });
});

test("01 §23.1: every must-fail case is 401 and names the text it expected", async ({ api }) => {
  await registerA(api);
  const me = SIGNATURE.me;
  const expected = `${HOTKEY_A}:${NONCE}:me`;
  expectRefused(await getMe(api, signedBy(HOTKEY_A, NONCE, `${me.slice(0, -2)}06`)), expected);
  expectRefused(await getMe(api, signedBy(ADDRESS_B, NONCE, me)), `${ADDRESS_B}:${NONCE}:me`);
  const chutes = await call(api, { url: "/chutes/", headers: signedBy(HOTKEY_A, NONCE, me) });
  expectRefused(chutes, `${HOTKEY_A}:${NONCE}:chutes`);
  const zeroKey = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM";
  expectRefused(await getMe(api, signedBy(zeroKey, NONCE, SIGNATURE.zeroKey)), "ss58");
});

test("01 §20: malformed signatures are 401", async ({ api }) => {
  await registerA(api);
  const { me } = SIGNATURE;
  for (const signature of ["zz", me.slice(1), me.slice(2), `${me}00`, "ff".repeat(64)])
    expectRefused(await getMe(api, signedBy(HOTKEY_A, NONCE, signature)), "X-Chutes-Signature");
});

test("01 §20: hotkeys that are not the one address of a key are 401", async ({ api }) => {
  const wrongChecksum = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQX";
  const prefix0 = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
  const prefix2 = "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F";
  const hex = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
  for (const hotkey of [wrongChecksum, prefix0, prefix2, hex, "5".repeat(10_000)])
    expectRefused(await getMe(api, signedBy(hotkey, NONCE, SIGNATURE.me)), "ss58");
});

test("01 §20: a hotkey header that is repeated is 401", async ({ api }) => {
  await registerA(api);
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = api.app.server.address() as AddressInfo;
  const headers = { ...signedBy(HOTKEY_A, NONCE, SIGNATURE.me), "x-chutes-hotkey": [HOTKEY_A, HOTKEY_A] };
  const request = httpRequest({ host: "127.0.0.1", port, path: "/users/me", headers }).end();
  const [response] = await once(request, "response");
  response.resume();
  expect(response.statusCode).toBe(401);
});

test("01 §23.2: a signed registration succeeds once, and its body is hashed as it was sent", async ({
  api,
  start,
  db,
}) => {
  const response = await registerA(api);
  expect(response.statusCode).toBe(200);
  const body = response.json();
  expect(body).toEqual({
    username: "alice_01",
    user_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    logo_id: null,
    created_at: "2025-10-09T08:53:20.000000Z",
    hotkey: HOTKEY_A,
    coldkey: ADDRESS_B,
    payment_address: expect.any(String),
    fingerprint: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
    api_key: null,
    logo: null,
  });
  expect(decodeSs58(body.payment_address)).toHaveLength(32);
  // Spaces change the hash: the signature of one spelling is not one of the other.
  expectRefused(await registerA(api, SPACED, SIGNATURE.compact));
  expect((await registerA(api, SPACED, SIGNATURE.spaced)).statusCode).toBe(409);
  await db.deleteFrom("users").execute();
  const fresh = await start();
  expect((await registerA(fresh, SPACED, SIGNATURE.spaced)).statusCode).toBe(200);
});

test("01 §23.3: an unsigned registration is 401 and creates nobody", async ({ api, db }) => {
  const headers = { "x-chutes-hotkey": HOTKEY_A, "x-chutes-nonce": NONCE };
  expectRefused(await call(api, { url: "/users/register?token=replaceme", body: COMPACT, headers }));
  expect(await db.selectFrom("users").selectAll().execute()).toEqual([]);
});

test("01 §23.4: the user id derives from the fingerprint, of which only the hash is stored", async ({ api, db }) => {
  const { user_id, fingerprint } = (await registerA(api)).json();
  expect(userIdOf(fingerprintHash(fingerprint))).toBe(user_id);
  const user = await db.selectFrom("users").selectAll().executeTakeFirstOrThrow();
  expect(user.fingerprint_hash).toBe(fingerprintHash(fingerprint));
  expect(JSON.stringify(user, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
    fingerprint,
  );
});

test("01 §23.5: GET /users/me wants purpose me and shows the sentence of bit 11", async ({ api, db }) => {
  const { user_id } = (await registerA(api)).json();
  const me = () => getMe(api, signedBy(HOTKEY_A, NONCE, SIGNATURE.me));
  expect((await me()).json()).toMatchObject({
    user_id,
    permissions_bitmask: 0,
    permissions: [],
    balance: 0,
    created_at: "2025-10-09T08:53:20.000000Z",
    logo: null,
  });
  expectRefused(await getMe(api, signedBy(HOTKEY_A, NONCE, SIGNATURE.empty)));
  await db
    .updateTable("users")
    .set({ permissions_bitmask: 1 << 11, balance_micro_usd: 12_500_000n })
    .execute();
  api.directory.drop({ kind: "account", id: user_id });
  const granted = (await me()).json();
  expect(granted.permissions).toEqual(["Allow deploying models publicly."]);
  expect(granted).toMatchObject({ permissions_bitmask: 2048, balance: 12.5 });
});

test("01 §23.6: nonces within 600 s are accepted, all else is 401 with a JSON body", async ({ api }) => {
  await registerA(api);
  const get = (nonce: string) => {
    const { "X-Chutes-Signature": signature = "" } = signAt(keyA(), "me", nonce);
    return getMe(api, signedBy(HOTKEY_A, nonce, signature));
  };
  for (const nonce of ["1759999401", "1760000599"]) expect((await get(nonce)).statusCode, nonce).toBe(200);
  for (const nonce of ["1759999400", "1760000600", "²", "", "abc", "-1", "1e9", "1".repeat(40)])
    expectRefused(await get(nonce));
});

function signAt(signer: Keypair, third: string, nonce: string): Record<string, string> {
  const signature = Buffer.from(signer.sign(`${signer.address}:${nonce}:${third}`)).toString("hex");
  return { "X-Chutes-Hotkey": signer.address, "X-Chutes-Nonce": nonce, "X-Chutes-Signature": signature };
}

test("01 §23.7: headers may be used for several reads, but a change that succeeded is not repeated", async ({
  api,
}) => {
  await registerA(api);
  const chutes = signedHeaders(keyA(), { purpose: "chutes" }, NOW);
  for (const url of ["/chutes/", "/chutes/", "/chutes/?limit=5"])
    expect((await call(api, { url, headers: chutes })).statusCode).toBe(200);
  const body = '{"name":"k1","admin":true}';
  const headers = signedHeaders(keyA(), { body }, NOW);
  const post = (url: string, signature = headers["X-Chutes-Signature"] ?? "") =>
    call(api, { url, body, headers: { ...headers, "x-chutes-signature": signature } });
  expect((await post("/api_keys/")).statusCode).toBe(200);
  expectRefused(await post("/api_keys/"), "already accepted");
  expectRefused(await post("/api_keys"), "already accepted");
  expectRefused(await post("/api_keys/", (headers["X-Chutes-Signature"] ?? "").toUpperCase()), "already accepted");
});

test("01 §21.2: a change that failed may be sent again with the same headers", async ({ api }) => {
  await registerA(api);
  const body = '{"name":"taken","admin":true}';
  await call(api, { url: "/api_keys/", body, signer: keyA() });
  const headers = signedHeaders(keyA(), { body }, NOW);
  const post = () => call(api, { url: "/api_keys/", body, headers });
  expect((await post()).statusCode).toBe(409);
  expect((await post()).statusCode).toBe(409);
});

test("01 §21.2: of parallel repeats of one change exactly one is accepted", async ({ api, db }) => {
  await registerA(api);
  const body = '{"name":"once","admin":true}';
  const headers = signedHeaders(keyA(), { body }, NOW);
  const all = await Promise.all(Array.from({ length: 8 }, () => call(api, { url: "/api_keys/", body, headers })));
  expect(all.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
  expect(await db.selectFrom("api_keys").select("name").execute()).toHaveLength(1);
});

test("01 §21.2: a signature that was first used to read does not delete", async ({ api }) => {
  await registerA(api);
  await call(api, { url: "/api_keys/", body: '{"name":"k1","admin":true}', signer: keyA() });
  const headers = signedHeaders(keyA(), { purpose: "api_keys" }, NOW);
  expect((await call(api, { url: "/api_keys/", headers })).statusCode).toBe(200);
  expectRefused(await call(api, { method: "DELETE", url: "/api_keys/k1", headers }), "first used to read");
  const own = await call(api, { method: "DELETE", url: "/api_keys/k1", signer: keyA(), purpose: "api_keys" });
  expect(own.statusCode).toBe(200);
});

test("01 §23.8: an API key is shown once and works with any scheme word", async ({ api, db }) => {
  const { user_id } = (await registerA(api)).json();
  const create = () => call(api, { url: "/api_keys/", body: { name: "k1", admin: true }, signer: keyA() });
  const created = (await create()).json();
  const key: string = created.secret_key;
  expect(key).toHaveLength(102);
  const [, id, owner] = /^cpk_([a-f0-9]{32})\.([a-f0-9]{32})\.[a-zA-Z0-9]{32}$/.exec(key) ?? [];
  expect(id).toBe(created.api_key_id.replaceAll("-", ""));
  expect(owner).toBe(user_id.replaceAll("-", ""));
  expect(created).toMatchObject({ name: "k1", admin: true, scopes: [], last_used_at: null, user_id });
  expect(created.created_at).toBe("2025-10-09T08:53:20.000000");
  expect((await create()).statusCode).toBe(409);
  for (const authorization of [`Basic ${key}`, `Bearer ${key}`, key, ` bearer   ${key} `])
    expect((await getMe(api, { authorization })).statusCode, authorization).toBe(200);
  const stored = await db.selectFrom("api_keys").select("key_hash").executeTakeFirstOrThrow();
  expect(stored.key_hash).toBe(apiKeyHash(key));
});

test("01 §20: anything but the key itself is 401, also where no credential is needed", async ({ api }) => {
  await registerA(api);
  const created = await call(api, { url: "/api_keys/", body: { name: "k1", admin: true }, signer: keyA() });
  const key: string = created.json().secret_key;
  const otherSecret = key.slice(0, -1) + (key.endsWith("A") ? "B" : "A");
  const otherId = key.replace(/^cpk_./, key.startsWith("cpk_0") ? "cpk_1" : "cpk_0");
  for (const wrong of [key.slice(0, -1), otherSecret, otherId, "hello", "cpk_x.y.z"]) {
    const headers = { authorization: `Bearer ${wrong}` };
    expectRefused(await getMe(api, headers));
    expectRefused(await call(api, { url: "/chutes/", headers }));
  }
});

test("01 §23.9: a deleted key is refused by every replica within 2 s", async ({ start }) => {
  const redisName = `replicas-${Math.random()}`;
  const [one, two] = [await start({ redisName }), await start({ redisName })];
  await registerA(one);
  const created = (await call(one, { url: "/api_keys/", body: { name: "k1", admin: true }, signer: keyA() })).json();
  const authorization = created.secret_key;
  for (const api of [one, two]) expect((await getMe(api, { authorization })).statusCode).toBe(200);
  const url = `/api_keys/${created.api_key_id}`;
  const deleted = await call(one, { method: "DELETE", url, signer: keyA(), purpose: "api_keys" });
  expect(deleted.json()).toEqual({ api_key_id: created.api_key_id, deleted: true });
  expectRefused(await getMe(one, { authorization }));
  await expect.poll(async () => (await getMe(two, { authorization })).statusCode, { timeout: 2000 }).toBe(401);
});

test("01 §23.10: a scoped key does what its scopes say and nothing else", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const chuteId = (await deploy(api, alice)).json().chute_id;
  const create = (body: object) => call(api, { url: "/api_keys/", body, signer: alice.signer });
  const images = (
    await create({ name: "images", admin: false, scopes: [{ object_type: "images", action: "read" }] })
  ).json();
  const apiKey = images.secret_key;
  expect((await call(api, { url: "/images/", apiKey })).statusCode).toBe(200);
  expect((await call(api, { url: "/images/my-image:1.0", apiKey })).statusCode).toBe(200);
  expectRefused(await call(api, { url: `/chutes/${chuteId}`, apiKey }));
  expectRefused(await call(api, { url: "/chutes/", apiKey }));
  const secret = { purpose: chuteId, key: "HF_TOKEN", value: "v" };
  expectRefused(await call(api, { url: "/secrets/", body: secret, apiKey }), "admin");
  expectRefused(await call(api, { url: "/api_keys/", body: { name: "x", admin: true }, apiKey }), "admin");
  expectRefused(await call(api, { url: "/users/me", apiKey }), "admin");
  const users = await create({ name: "users", admin: false, scopes: [{ object_type: "users" }] });
  expect(users.statusCode).toBe(400);
  expect(images.scopes).toEqual([
    { scope_id: expect.any(String), object_type: "images", object_id: null, method: null, action: "read" },
  ]);
});

test("01 §4.3: a key for one chute reads it by id and by name, and not the list", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const mine = (await deploy(api, alice, { name: "org/mine" })).json().chute_id;
  const other = (await deploy(api, alice, { name: "org/other" })).json().chute_id;
  const scope = { object_type: "chutes", object_id: mine, action: "read" };
  const body = { name: "one", admin: false, scopes: [scope, scope] };
  const created = (await call(api, { url: "/api_keys/", body, signer: alice.signer })).json();
  expect(created.scopes).toHaveLength(1);
  const apiKey = created.secret_key;
  for (const url of [`/chutes/${mine}`, "/chutes/org/mine", "/chutes/ORG/Mine", `/chutes/code/${mine}`])
    expect((await call(api, { url, apiKey })).statusCode, url).toBe(200);
  for (const url of [`/chutes/${other}`, "/chutes/org/other", "/chutes/nothing", "/chutes/"])
    expectRefused(await call(api, { url, apiKey }));
  expectRefused(await call(api, { method: "DELETE", url: `/chutes/${mine}`, apiKey }));
});

test("01 §23.15: what asks for a registered miner needs the signature of one", async ({ start, db }) => {
  const api = await start({
    route: {
      method: "GET",
      url: "/miner/probe",
      config: { auth: { purpose: "miner", registered: true } },
      handler: async ({ principal }) => ({ hotkey: principal.hotkey, uid: principal.miner?.uid }),
    },
  });
  const miner = keypairFromSeed(SEED_B);
  const node = { netuid: api.config.netuid, hotkey: miner.address, coldkey: miner.address, checksum: "", node_id: 3 };
  await db
    .insertInto("metagraph_nodes")
    .values({ ...node, synced_at: NOW })
    .execute();
  await registerA(api);
  const created = await call(api, { url: "/api_keys/", body: { name: "k1", admin: true }, signer: keyA() });
  for (const url of ["/miner/probe", "/miner/chutes/"]) {
    const probe = (headers: Record<string, string>) => call(api, { url, headers });
    expectRefused(await probe(signedHeaders(keyA(), { purpose: "miner" }, NOW)), "not registered");
    expectRefused(await probe({ authorization: created.json().secret_key, "x-chutes-hotkey": miner.address }));
    expectRefused(await probe({}));
    expect((await probe(signedHeaders(miner, { purpose: "miner" }, NOW))).statusCode).toBe(200);
  }
  const accepted = await call(api, { url: "/miner/probe", headers: signedHeaders(miner, { purpose: "miner" }, NOW) });
  expect(accepted.json()).toEqual({ hotkey: miner.address, uid: 3 });
});

test("01 §23.16: name_check compares in any case and knows no wildcards", async ({ api }) => {
  await registerA(api);
  const check = async (name: string) =>
    (await call(api, { url: `/users/name_check?username=${encodeURIComponent(name)}` })).json();
  expect(await check("ab")).toEqual({ valid: false, available: false });
  expect(await check("alice_01")).toEqual({ valid: true, available: false });
  expect(await check("ALICE_01")).toEqual({ valid: true, available: false });
  expect(await check("alicex01")).toEqual({ valid: true, available: true });
  expect(await check("abc\n")).toEqual({ valid: false, available: false });
  expect(await check("Chutes")).toEqual({ valid: true, available: false });
  expect(await check("register")).toEqual({ valid: true, available: false });
});

test("01 §23.17: of two parallel registrations of one name exactly one succeeds", async ({ api, db }) => {
  const register = () =>
    call(api, { url: "/users/register", body: { username: "alice", coldkey: ADDRESS_B }, signer: newSigner() });
  const statuses = (await Promise.all([register(), register()])).map(({ statusCode }) => statusCode);
  expect(statuses.sort()).toEqual([200, 409]);
  expect(await db.selectFrom("users").select("username").execute()).toHaveLength(1);
});

test("01 §23.20: the stored mnemonic re-derives the payment address", async ({ api, db }) => {
  const { payment_address } = (await registerA(api)).json();
  const { wallet_secret } = await db.selectFrom("users").select("wallet_secret").executeTakeFirstOrThrow();
  const { walletKey, pgEncryptionKey } = api.config.accounts;
  const words = await decryptWalletText(wallet_secret, { walletKeyHex: walletKey, pgKey: pgEncryptionKey });
  expect(keypairFromMnemonic(words).address).toBe(payment_address);
});

test("01 §6.3: registering has the effects of the protocol", async ({ start, db }) => {
  const api = await start({ accounts: { allAccountsFree: true } });
  const { user_id } = (await registerA(api)).json();
  const user = await db.selectFrom("users").select("permissions_bitmask").executeTakeFirstOrThrow();
  expect(user.permissions_bitmask).toBe(16);
  const quota = await db.selectFrom("invocation_quotas").select(["chute_id", "quota", "is_default"]).execute();
  expect(quota).toEqual([{ chute_id: "*", quota: 0, is_default: true }]);
  const audit = await db.selectFrom("account_audit").selectAll().executeTakeFirstOrThrow();
  expect(audit).toMatchObject({ user_id, actor: user_id, action: "register", client_address: "127.0.0.1" });
});

test("01 §6.3: the fourth sign-up of an address in a day is 429, failed ones do not count", async ({ start }) => {
  const api = await start({ accounts: { registrationPerIpDay: 3 } });
  const register = (username: string, ip = "203.0.113.7") =>
    call(api, {
      url: "/users/register",
      body: { username, coldkey: ADDRESS_B },
      signer: newSigner(),
      headers: { "x-forwarded-for": ip },
    });
  expect((await register("x")).statusCode).toBe(400);
  for (const name of ["one", "two", "three"]) expect((await register(name)).statusCode).toBe(200);
  expect((await register("four")).statusCode).toBe(429);
  expect((await register("four", "203.0.113.8")).statusCode).toBe(200);
});

test("01 §6.3: a closed platform registers nobody", async ({ start, db }) => {
  const api = await start({ accounts: { registrationMode: "closed" } });
  expect((await registerA(api)).statusCode).toBe(403);
  expect(await db.selectFrom("users").select("user_id").execute()).toEqual([]);
});

test("01 §20: bad registrations are 400 or 422 and create nobody", async ({ api, db }) => {
  const register = (body: unknown) => call(api, { url: "/users/register", body: JSON.stringify(body), signer: keyA() });
  const names = ["alice\n", "ali\u0000ce", "a".repeat(16), "аlice", "al", ""];
  for (const username of names)
    expect((await register({ username, coldkey: ADDRESS_B })).statusCode, username).toBe(400);
  for (const body of [
    { username: "alice", coldkey: "cold" },
    { username: "alice", coldkey: ADDRESS_B, logo_id: "x" },
  ])
    expect((await register(body)).statusCode).toBe(400);
  for (const body of [{ username: "alice" }, { username: 7, coldkey: ADDRESS_B }, [1], "alice", null]) {
    const response = await register(body);
    expect(response.statusCode).toBe(422);
    expect(response.json().detail[0]).toMatchObject({ type: expect.any(String), msg: expect.any(String) });
    expect(response.json().detail[0].loc[0]).toBe("body");
  }
  expect(await db.selectFrom("users").select("user_id").execute()).toEqual([]);
});

test("01 §20: malformed JSON and invalid UTF-8 are 400 with a JSON body", async ({ api }) => {
  for (const body of ['{"username":', Buffer.from([0x22, 0xff, 0x22]), ""]) {
    const response = await call(api, { url: "/users/register", body, signer: keyA() });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ detail: expect.stringContaining("JSON") });
  }
});

test("01 §20: the 422 of a bad field names its place", async ({ api }) => {
  const body = { username: "alice" };
  const response = await call(api, { url: "/users/register", body, signer: keyA() });
  expect(response.json()).toEqual({ detail: [{ type: "missing", loc: ["body", "coldkey"], msg: "Field required" }] });
});

test("01 §20: a body over the limit is 413 and closes the connection", async ({ start }) => {
  const api = await start({ maxBodyBytes: 2000 });
  const response = await call(api, { url: "/users/register", body: `"${"x".repeat(3000)}"`, signer: keyA() });
  expect(response.statusCode).toBe(413);
  expect(response.headers["connection"]).toBe("close");
  expect(response.json()).toEqual({ detail: expect.any(String) });
});

test("01 §20: impossible pages are 422", async ({ api }) => {
  await registerA(api);
  for (const query of ["page=-1", "limit=abc", "limit=-1"]) {
    const response = await call(api, { url: `/api_keys/?${query}`, signer: keyA(), purpose: "api_keys" });
    expect(response.statusCode, query).toBe(422);
    expect(response.json().detail[0].loc[0]).toBe("query");
  }
});

test("01 §4.4: keys with bad names or scopes are refused, unusual good ones are not", async ({ api }) => {
  await registerA(api);
  const status = async (body: object) => (await call(api, { url: "/api_keys/", body, signer: keyA() })).statusCode;
  for (const name of ["a/b", "", "a".repeat(25), "a ", "a\u0007"])
    expect(await status({ name, admin: true }), name).toBe(400);
  expect(await status({ name: "a", admin: false, scopes: [{ object_type: "secrets" }] })).toBe(400);
  expect(await status({ name: "a", admin: false, scopes: [{ object_type: "chutes", action: "own" }] })).toBe(422);
  expect(await status({ name: "a" })).toBe(422);
  expect(await status({ name: "a", admin: false, scopes: null })).toBe(200);
  expect(await status({ name: "Schlüssel $1.a_b-c 鍵", admin: true })).toBe(200);
});

test("01 §4.4: keys are listed newest first, filtered by name, and found by id or name", async ({ api }) => {
  await registerA(api);
  for (const [index, name] of ["first", "second", "third"].entries()) {
    api.clock.now = new Date(NOW.getTime() + index * 1000);
    await call(api, { url: "/api_keys/", body: { name, admin: true }, signer: keyA() });
  }
  const get = async (url: string) => (await call(api, { url, signer: keyA(), purpose: "api_keys" })).json();
  const all = await get("/api_keys/?limit=0");
  expect(all).toMatchObject({ total: 3, page: 0, limit: 25 });
  expect(all.items.map(({ name }: { name: string }) => name)).toEqual(["third", "second", "first"]);
  expect(await get("/api_keys/?page=1&limit=2")).toMatchObject({ total: 3, items: [{ name: "first" }] });
  expect(await get("/api_keys/?page=9&limit=2")).toMatchObject({ total: 3, items: [] });
  expect(await get("/api_keys/?name=IR")).toMatchObject({ total: 2 });
  expect(await get("/api_keys/?name=%25")).toMatchObject({ total: 0 });
  const [third] = all.items;
  expect(await get(`/api_keys/${third.api_key_id}`)).toEqual(third);
  expect(await get("/api_keys/third")).toEqual(third);
  const bob = await givenDeveloper(api, { username: "bob" });
  const foreign = await call(api, { url: `/api_keys/${third.api_key_id}`, signer: bob.signer, purpose: "api_keys" });
  expect(foreign.statusCode).toBe(404);
});

test("01 §4.2: the last use of a key is written once things are quiet", async ({ start, db }) => {
  const api = await start();
  await registerA(api);
  const created = await call(api, { url: "/api_keys/", body: { name: "k1", admin: true }, signer: keyA() });
  await getMe(api, { authorization: created.json().secret_key });
  await api.directory.close();
  const key = await db.selectFrom("api_keys").select("last_used_at").executeTakeFirstOrThrow();
  expect(key.last_used_at).toEqual(NOW);
});

import { expect } from "vitest";
import { fingerprintHash } from "../../src/wire/ids.js";
import { sessionTokenKey, signJwt } from "../../src/wire/jwt.js";
import type { Keypair } from "../../src/wire/keypair.js";
import { type AccountApi, ADDRESS_B, call, NOW, newSigner } from "../support/account-api.js";
import { type Answer, expectRefused, givenVectorAccount, test } from "../support/account-test.js";
import vectors from "../vectors/01-identity.json" with { type: "json" };

const { ids } = vectors;
const SECONDS = Math.floor(NOW.getTime() / 1000);

interface Owner {
  readonly userId: string;
  readonly fingerprint: string;
  readonly signer: Keypair;
}

async function givenOwner(api: AccountApi, username: string, coldkey = ADDRESS_B): Promise<Owner> {
  const signer = newSigner();
  const registered = (await call(api, { url: "/users/register", body: { username, coldkey }, signer })).json();
  return { userId: registered.user_id, fingerprint: registered.fingerprint, signer };
}

const login = (api: AccountApi, fingerprint: string) => call(api, { url: "/users/login", body: { fingerprint } });
const me = (api: AccountApi, authorization: string) => call(api, { url: "/users/me", headers: { authorization } });
const tokenOf = async (api: AccountApi, fingerprint: string) => (await login(api, fingerprint)).json().token as string;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

interface Refinger {
  readonly fingerprint: string;
  readonly signer: Keypair;
  readonly as: "hotkey" | "coldkey";
  readonly address?: string;
  readonly more?: Record<string, string>;
  readonly nonce?: number;
}

function refinger(api: AccountApi, { fingerprint, signer, as, more = {}, ...given }: Refinger): Promise<Answer> {
  const { address = signer.address, nonce = SECONDS } = given;
  const signature = hex(signer.sign(`${address}:${fingerprint}:${nonce}`));
  const headers = {
    [`x-chutes-${as}`]: address,
    "x-chutes-nonce": String(nonce),
    "x-chutes-signature": signature,
    ...more,
  };
  return call(api, { url: "/users/change_fingerprint", body: { fingerprint }, headers });
}

test("01 §23.12: a fingerprint logs in, and a new one ends every session at once", async ({ start }) => {
  const redisName = `sessions-${Math.random()}`;
  const [api, other] = [await start({ redisName }), await start({ redisName })];
  const { fingerprint, signer, userId } = await givenOwner(api, "alice");
  const answer = await login(api, fingerprint);
  expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
  const { token } = answer.json();
  for (const one of [api, other])
    expect((await me(one, `Bearer ${token}`)).json()).toMatchObject({ user_id: userId, username: "alice" });
  const next = "a completely new fingerprint";
  const changed = await refinger(api, { fingerprint: next, signer, as: "hotkey" });
  expect([changed.statusCode, changed.json()]).toEqual([200, { status: expect.any(String) }]);
  expectRefused(await me(api, `Bearer ${token}`), 401);
  expect((await login(api, fingerprint)).statusCode).toBe(401);
  const fresh = await tokenOf(api, next);
  expect((await me(api, `Bearer ${fresh}`)).statusCode).toBe(200);
  // The other replica hears of it without any relay.
  await expect.poll(async () => (await me(other, `Bearer ${token}`)).statusCode).toBe(401);
  expect((await me(other, `Bearer ${fresh}`)).statusCode).toBe(200);
  const audit = await api.db.selectFrom("account_audit").select(["action", "actor", "client_address"]).execute();
  expect(audit).toContainEqual({ action: "change_fingerprint", actor: userId, client_address: "127.0.0.1" });
});

test("01 §23.12: the published token and the unsalted one of the original are accepted", async ({ api }) => {
  await givenVectorAccount(api);
  expect((await me(api, `Bearer ${ids.sessionToken}`)).json()).toMatchObject({ user_id: ids.userId });
  expect((await me(api, `bearer ${ids.sessionToken}`)).statusCode).toBe(200);
  const { salted: _, ...claims } = ids.sessionClaims;
  const unsalted = signJwt(claims, ids.unsaltedKey);
  expect((await me(api, `Bearer ${unsalted}`)).statusCode).toBe(200);
  // Each kind has its own key.
  expectRefused(await me(api, `Bearer ${signJwt(claims, ids.sessionKey)}`), 401);
  expectRefused(await me(api, `Bearer ${signJwt(ids.sessionClaims, ids.unsaltedKey)}`), 401);
  api.clock.now = new Date((ids.sessionClaims.exp - 1) * 1000);
  expect((await me(api, `Bearer ${ids.sessionToken}`)).statusCode).toBe(200);
  api.clock.now = new Date(ids.sessionClaims.exp * 1000);
  expectRefused(await me(api, `Bearer ${ids.sessionToken}`), 401, "expired");
});

test("01 §20: tokens that are not ours are 401, also where nobody needs one", async ({ api }) => {
  await givenVectorAccount(api);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [header = "", payload = "", signature = ""] = ids.sessionToken.split(".");
  const valid = ids.sessionClaims;
  const sign = (claims: Record<string, unknown>) => signJwt(claims, ids.sessionKey);
  const bad = [
    `${part({ alg: "none", typ: "JWT" })}.${payload}.`,
    `${part({ alg: "none", typ: "JWT" })}.${payload}.${signature}`,
    `${part({ alg: "RS256", typ: "JWT" })}.${payload}.${signature}`,
    `${part({ alg: "hs256", typ: "JWT" })}.${payload}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -2)}AA`,
    `${header}.${part("text")}.${signature}`,
    `${header}.bm90IGpzb24.${signature}`,
    sign({ ...valid, sub: undefined }),
    sign({ ...valid, sub: 7 }),
    sign({ ...valid, sub: "c519c664-0a87-5df5-83a6-da4a314e1895" }),
    sign({ ...valid, exp: undefined }),
    sign({ ...valid, exp: "soon" }),
    sign({ ...valid, iat: SECONDS + 5 }),
    "not.a.token",
    "x".repeat(5000),
  ];
  for (const token of bad) {
    expectRefused(await me(api, `Bearer ${token}`), 401);
    const open = await call(api, { url: "/chutes/", headers: { authorization: `Bearer ${token}` } });
    expect(open.statusCode, token).toBe(401);
  }
});

test("01 §5.2: with a pepper the plain hash is not stored, and its tokens have no unsalted form", async ({ start }) => {
  const api = await start({ accounts: { fingerprintPepper: "a pepper that is not in the database" } });
  const { userId, fingerprint } = await givenOwner(api, "alice");
  const { fingerprint_hash: stored } = await api.db
    .selectFrom("users")
    .select("fingerprint_hash")
    .executeTakeFirstOrThrow();
  expect(stored).toMatch(/^hmac-sha512:[0-9a-f]{128}$/);
  expect(stored).not.toContain(fingerprintHash(fingerprint));
  const token = await tokenOf(api, fingerprint);
  expect((await me(api, `Bearer ${token}`)).statusCode).toBe(200);
  const claims = { exp: SECONDS + 100, sub: userId, iat: SECONDS };
  expectRefused(await me(api, `Bearer ${signJwt(claims, sessionTokenKey(stored, ""))}`), 401);
  // Accounts of before the pepper still log in.
  await api.db
    .updateTable("users")
    .set({ fingerprint_hash: fingerprintHash("an older fingerprint") })
    .execute();
  api.directory.drop({ kind: "account", id: userId });
  expect((await login(api, "an older fingerprint")).statusCode).toBe(200);
});

test("01 §23.13: a coldkey header is checked with the coldkey's own key", async ({ api }) => {
  const coldkey = newSigner();
  const victim = await givenOwner(api, "victim", coldkey.address);
  const attacker = await givenOwner(api, "attacker");
  const fingerprint = "chosen by the attacker";
  const more = { "x-chutes-hotkey": attacker.signer.address };
  const taken = { fingerprint, signer: attacker.signer, as: "coldkey", address: coldkey.address, more } as const;
  expectRefused(await refinger(api, taken), 401);
  expectRefused(await refinger(api, { ...taken, more: {} }), 401);
  expect((await login(api, victim.fingerprint)).statusCode).toBe(200);
  const own = await refinger(api, { fingerprint: "chosen by the victim", signer: coldkey, as: "coldkey" });
  expect(own.statusCode).toBe(200);
  expect((await login(api, "chosen by the victim")).statusCode).toBe(200);
});

test("01 §5.3: a coldkey that several accounts claim does not say whose fingerprint is meant", async ({ api }) => {
  const coldkey = newSigner();
  for (const name of ["one", "two"]) await givenOwner(api, name, coldkey.address);
  const answer = await refinger(api, { fingerprint: "a new fingerprint", signer: coldkey, as: "coldkey" });
  expectRefused(answer, 400, "hotkey");
});

test("01 §5.1: a fingerprint needs 16 characters, and one of somebody else is refused alike", async ({ api }) => {
  const alice = await givenOwner(api, "alice");
  const bob = await givenOwner(api, "bob");
  const change = (fingerprint: string, nonce: number) =>
    refinger(api, { fingerprint, signer: alice.signer, as: "hotkey", nonce });
  const short = await change("  fifteen chars  ", SECONDS);
  const foreign = await change(bob.fingerprint, SECONDS + 1);
  expectRefused(short, 400);
  expect([foreign.statusCode, foreign.body]).toEqual([400, short.body]);
  expect((await change("sixteen chars ok", SECONDS + 2)).statusCode).toBe(200);
});

test("01 §2.4: a refinger nonce may be 300 seconds off, ends included, and serves once", async ({ api }) => {
  const { signer } = await givenOwner(api, "alice");
  api.clock.now = new Date(NOW.getTime() + 900);
  const change = (offset: number, fingerprint: string) =>
    refinger(api, { fingerprint, signer, as: "hotkey", nonce: SECONDS + offset });
  for (const offset of [-301, 301]) expectRefused(await change(offset, "far away, too far"), 401, "Nonce");
  for (const offset of [-300, 300]) expect((await change(offset, `at the edge of ${offset}`)).statusCode).toBe(200);
  const fingerprint = "once and never again";
  const signature = hex(signer.sign(`${signer.address}:${fingerprint}:${SECONDS}`));
  const headers = { "x-chutes-hotkey": signer.address, "x-chutes-nonce": String(SECONDS) };
  const send = () =>
    call(api, {
      url: "/users/change_fingerprint",
      body: { fingerprint },
      headers: { ...headers, "x-chutes-signature": signature },
    });
  expect((await send()).statusCode).toBe(200);
  expectRefused(await send(), 401, "already accepted");
});

test("01 §3: the current fingerprint changes itself, bare and behind a scheme word", async ({ api }) => {
  const { fingerprint } = await givenOwner(api, "alice");
  const change = (authorization: string, next: string) =>
    call(api, { url: "/users/change_fingerprint", body: { fingerprint: next }, headers: { authorization } });
  expect((await change(fingerprint, "the second fingerprint")).statusCode).toBe(200);
  expect((await change("the second fingerprint", "the-third-fingerprint")).statusCode).toBe(200);
  expect((await change("Basic the-third-fingerprint", "the-fourth-fingerprint")).statusCode).toBe(200);
  expectRefused(await change("the-third-fingerprint", "the-fifth-fingerprint"), 401);
  expectRefused(await call(api, { url: "/users/change_fingerprint", body: { fingerprint: "no proof at all!" } }), 401);
});

async function loginUrl(api: AccountApi, signer: Keypair): Promise<string> {
  const { nonce } = (await call(api, { url: "/idp/cli_login/nonce" })).json();
  const query = new URLSearchParams({ hotkey: signer.address, signature: hex(signer.sign(nonce)), nonce });
  return `/idp/cli_login?${query}`;
}

test("01 §23.14: a signed login link works once, within 300 s, and sets the cookie", async ({ start }) => {
  const api = await start({ accounts: { dashboardUrl: "https://board.example.org/app" } });
  const { signer } = await givenOwner(api, "alice");
  const nonce = await call(api, { url: "/idp/cli_login/nonce" });
  expect(nonce.json()).toEqual({ nonce: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/) });
  const url = await loginUrl(api, signer);
  const answer = await call(api, { url });
  expect([answer.statusCode, answer.headers["location"]]).toEqual([302, "https://board.example.org/app"]);
  const cookie = String(answer.headers["set-cookie"]);
  const [, token = ""] = /^chutes-session-token=([\w.-]+);/.exec(cookie) ?? [];
  expect(cookie.split("; ").slice(1)).toEqual([
    "Max-Age=604800",
    "HttpOnly",
    "Secure",
    "SameSite=Lax",
    "Domain=.example.org",
    "Path=/",
  ]);
  expect((await me(api, `Bearer ${token}`)).json()).toMatchObject({ username: "alice" });
  const again = await call(api, { url });
  expect([again.statusCode, again.headers["content-type"], again.headers["set-cookie"]]).toEqual([
    400,
    "text/html; charset=utf-8",
    undefined,
  ]);
  expect(await api.redis.ttl(`login_nonce:${nonce.json().nonce}`)).toBe(300);
  await api.redis.del(`login_nonce:${nonce.json().nonce}`);
  const expired = {
    hotkey: signer.address,
    signature: hex(signer.sign(nonce.json().nonce)),
    nonce: nonce.json().nonce,
  };
  expect((await call(api, { url: `/idp/cli_login?${new URLSearchParams(expired)}` })).statusCode).toBe(400);
});

test("01 §5.3: without a dashboard the login page names the account and loads nothing", async ({ api }) => {
  const { signer } = await givenOwner(api, "alice-7");
  const page = await call(api, { url: await loginUrl(api, signer) });
  expect([page.statusCode, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  expect(page.body).toMatch(/^<!doctype html>/);
  expect(page.body).toContain("<strong>alice-7</strong>");
  expect(page.body).toContain('href="/console/login?session=1"');
  expect(page.headers["cache-control"]).toBe("no-store");
  expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(String(page.headers["set-cookie"])).toContain("chutes-session-token=");
});

test("01 §5.3: failed logins are pages: 400 for nonce or signature, 404 for nobody, and the nonce is gone", async ({
  api,
}) => {
  const { signer } = await givenOwner(api, "alice");
  const failed = async (url: string) => {
    const page = await call(api, { url });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["set-cookie"]).toBeUndefined();
    return page.statusCode;
  };
  expect(await failed(await loginUrl(api, newSigner()))).toBe(404);
  const url = await loginUrl(api, signer);
  const forged = url.replace(/signature=[0-9a-f]{4}/, (text) => `signature=${text.endsWith("0000") ? "1111" : "0000"}`);
  expect(await failed(forged)).toBe(400);
  expect(await failed(url)).toBe(400);
  expect(await failed("/idp/cli_login")).toBe(400);
  expect(await failed("/idp/cli_login?nonce=1&nonce=2")).toBe(400);
  expect(await failed(`/idp/cli_login?hotkey=${"<script>".repeat(40)}`)).toBe(400);
});

test("01 §5.3: a hotkey logs in with the signature of a nonce, once", async ({ api }) => {
  const { signer, userId } = await givenOwner(api, "alice");
  const fresh = await call(api, { url: "/users/login/nonce" });
  expect(fresh.json()).toEqual({ nonce: expect.any(String), expires_in: 300 });
  const { nonce } = fresh.json();
  const body = { hotkey: signer.address, signature: hex(signer.sign(nonce)), nonce };
  const { token } = (await call(api, { url: "/users/login", body })).json();
  expect((await me(api, `Bearer ${token}`)).json()).toMatchObject({ user_id: userId });
  expectRefused(await call(api, { url: "/users/login", body }), 401, "nonce");
  expectRefused(await call(api, { url: "/users/login", body: {} }), 400);
  expectRefused(await call(api, { url: "/users/login", body: { hotkey: signer.address } }), 400);
  expectRefused(await login(api, "somebody else's fingerprint"), 401);
});

test("01 §5.3: of parallel presentations of one nonce exactly one logs in", async ({ api }) => {
  const { signer } = await givenOwner(api, "alice");
  const { nonce } = (await call(api, { url: "/users/login/nonce" })).json();
  const body = { hotkey: signer.address, signature: hex(signer.sign(nonce)), nonce };
  const answers = await Promise.all(Array.from({ length: 6 }, () => call(api, { url: "/users/login", body })));
  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401, 401, 401, 401, 401]);
});

test("a page of this server gets the session of its browser, no other page does", async ({ api }) => {
  const { fingerprint } = await givenOwner(api, "alice");
  const token = await tokenOf(api, fingerprint);
  const cookie = `theme=dark; chutes-session-token=${token}`;
  const exchange = (headers: Record<string, string>) =>
    call(api, { method: "POST", url: "/users/login/session", headers });
  const own = await exchange({ cookie, "sec-fetch-site": "same-origin" });
  expect([own.statusCode, own.json(), own.headers["cache-control"]]).toEqual([200, { token }, "no-store"]);
  expect((await exchange({ cookie, origin: "https://api.example.org" })).statusCode).toBe(200);
  for (const headers of [
    {},
    { "sec-fetch-site": "same-site" },
    { origin: "https://api.example.org.evil.test" },
    { origin: "null" },
  ] as Record<string, string>[])
    expectRefused(await exchange({ cookie, ...headers }), 403);
  expectRefused(await exchange({ "sec-fetch-site": "same-origin" }), 401);
  const forged = { cookie: "chutes-session-token=x.y.z", "sec-fetch-site": "same-origin" };
  expectRefused(await exchange(forged), 401);
  const out = (headers: Record<string, string>) =>
    call(api, { method: "DELETE", url: "/users/login/session", headers });
  expectRefused(await out({ cookie }), 403);
  const gone = await out({ cookie, "sec-fetch-site": "same-origin" });
  expect([gone.statusCode, String(gone.headers["set-cookie"])]).toEqual([
    200,
    expect.stringMatching(
      /^chutes-session-token=; Max-Age=0; HttpOnly; Secure; SameSite=Lax; Domain=.example.org; Path/,
    ),
  ]);
  // The cookie itself opens nothing.
  expectRefused(await call(api, { url: "/users/me", headers: { cookie } }), 401);
});

test("01 §21.5: guesses are slowed down by address and by account, right answers are not counted", async ({ api }) => {
  const { fingerprint, signer } = await givenOwner(api, "alice");
  const from = (ip: string, secret: string) =>
    call(api, { url: "/users/login", body: { fingerprint: secret }, headers: { "x-forwarded-for": ip } });
  for (let times = 0; times < 15; times += 1) expect((await from("203.0.113.1", fingerprint)).statusCode).toBe(200);
  for (let times = 0; times < 10; times += 1) expect((await from("203.0.113.1", "wrong")).statusCode).toBe(401);
  const refused = await from("203.0.113.1", fingerprint);
  expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "60"]);
  expect((await from("203.0.113.2", fingerprint)).statusCode).toBe(200);
  const byFingerprint = { method: "DELETE", url: "/users/me", headers: { "x-forwarded-for": "203.0.113.1" } } as const;
  const deletion = await call(api, { ...byFingerprint, headers: { ...byFingerprint.headers, authorization: "guess" } });
  expect(deletion.statusCode).toBe(429);
  const byHotkey = (ip: string) =>
    call(api, {
      url: "/users/login",
      body: { hotkey: signer.address, signature: "00", nonce: "00" },
      headers: { "x-forwarded-for": ip },
    });
  for (let times = 0; times < 10; times += 1) expect((await byHotkey(`203.0.113.${100 + times}`)).statusCode).toBe(401);
  expect((await byHotkey("203.0.113.200")).statusCode).toBe(429);
});

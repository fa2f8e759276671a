import { expect } from "vitest";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { type AccountApiOptions, call, givenDeveloper, NOW, newSigner } from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";

test("unknown paths are 404 with a JSON body, with and without credentials", async ({ start }) => {
  const api = await start();
  for (const headers of [{}, { authorization: "Bearer cpk_nothing" }]) {
    const response = await call(api, { url: "/nothing/here", headers });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({ detail: "Not Found" });
  }
});

test("an optional route knows who signed, and refuses who signed badly", async ({ start }) => {
  const handler: NonNullable<AccountApiOptions["route"]>["handler"] = async ({ principal }) => ({
    hotkey: principal.hotkey ?? null,
    username: principal.account?.username ?? null,
  });
  const config = { auth: { purpose: "chutes", anonymous: true } };
  const api = await start({ route: { method: "GET", url: "/who", config, handler } });
  const alice = await givenDeveloper(api, { username: "alice" });
  const stranger = newSigner();
  const who = async (headers: Record<string, string>) => call(api, { url: "/who", headers });
  expect((await who({})).json()).toEqual({ hotkey: null, username: null });
  expect((await who({ authorization: "" })).json()).toEqual({ hotkey: null, username: null });
  const signed = signedHeaders(alice.signer, { purpose: "chutes" }, NOW);
  expect((await who(signed)).json()).toEqual({ hotkey: alice.signer.address, username: "alice" });
  const strange = signedHeaders(stranger, { purpose: "chutes" }, NOW);
  expect((await who(strange)).json()).toEqual({ hotkey: stranger.address, username: null });
  // A lone hotkey header proves nothing and is not believed.
  expect((await who({ "x-chutes-hotkey": alice.signer.address })).json()).toEqual({ hotkey: null, username: null });
  expect((await who({ ...signed, "x-chutes-hotkey": stranger.address })).statusCode).toBe(401);
});

test("a route without purpose cannot be read with a signature", async ({ start }) => {
  const api = await start({ route: { method: "GET", url: "/plain", config: { auth: {} }, handler: async () => ({}) } });
  const alice = await givenDeveloper(api, { username: "alice" });
  const response = await call(api, { url: "/plain", signer: alice.signer });
  expect(response.statusCode).toBe(401);
  expect(response.json().detail).toContain("API key");
});

test("the body of every method that may have one is signed byte by byte", async ({ start }) => {
  const methods = ["POST", "PUT", "PATCH", "DELETE"] as const;
  const handler = async () => ({ ok: true });
  const api = await start({ route: { method: [...methods], url: "/echo", config: { auth: {} }, handler } });
  const alice = await givenDeveloper(api, { username: "alice" });
  const body = Buffer.from('{"a" : 1}\n');
  for (const method of methods) {
    expect((await call(api, { method, url: "/echo", body, signer: alice.signer })).statusCode, method).toBe(200);
    const headers = signedHeaders(alice.signer, { body: '{"a":1}' }, NOW);
    expect((await call(api, { method, url: "/echo", body, headers })).statusCode, method).toBe(401);
    expect((await call(api, { method, url: "/echo", signer: alice.signer })).statusCode, method).toBe(200);
  }
});

test("one set of headers may change several places", async ({ start }) => {
  const route = {
    method: "PATCH" as const,
    url: "/servers/:id",
    config: { auth: { purpose: "tee" } },
    handler: async () => ({ ok: true }),
  };
  const api = await start({ route });
  const alice = await givenDeveloper(api, { username: "alice" });
  const headers = signedHeaders(alice.signer, { purpose: "tee" }, NOW);
  const patch = async (url: string) => (await call(api, { method: "PATCH", url, headers })).statusCode;
  expect(await patch("/servers/a?server_name=x")).toBe(200);
  expect(await patch("/servers/b?server_name=x")).toBe(200);
  expect(await patch("/servers/b?server_name=y")).toBe(200);
  expect(await patch("/servers/a?server_name=x")).toBe(401);
});

test("credentials come before input: a bad query of a stranger is 401", async ({ start }) => {
  const api = await start();
  expect((await call(api, { url: "/api_keys/?page=-1" })).statusCode).toBe(401);
});

test("without Redis, changes are 503 and reads by API key still work", async ({ start }) => {
  const api = await start();
  const alice = await givenDeveloper(api, { username: "alice" });
  const created = await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, signer: alice.signer });
  Object.assign(api.redis, { set: () => Promise.reject(new Error("connection lost")) });
  const change = await call(api, { url: "/api_keys/", body: { name: "k2", admin: true }, signer: alice.signer });
  expect(change.statusCode).toBe(503);
  expect(change.json()).toEqual({ detail: expect.any(String) });
  expect((await call(api, { url: "/users/me", apiKey: created.json().secret_key })).statusCode).toBe(200);
});

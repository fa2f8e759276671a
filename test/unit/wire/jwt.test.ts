import { createHmac } from "node:crypto";
import fc from "fast-check";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { launchKey, signJwt, unverifiedClaims, verifyJwt } from "../../../src/wire/jwt.js";

const KEY = launchKey("launch-secret");
const NOW = new Date(1_760_000_000_000);
const refused = (message: RegExp) =>
  expect.objectContaining({ kind: "unauthorized", message: expect.stringMatching(message) });

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/** A correctly signed token with any header and claims. */
function forge(header: unknown, claims: unknown): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", KEY).update(signed).digest("base64url")}`;
}

describe("verifyJwt", () => {
  test("reads a token of another library, and claims keep their values", async () => {
    const token = await new SignJWT({ sub: "x", iss: "chutes", iat: 1_760_000_000, n: 1.5 })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(Buffer.from(KEY, "ascii"));
    expect(verifyJwt(token, { key: KEY, issuer: "chutes", now: NOW })).toEqual({
      sub: "x",
      iss: "chutes",
      iat: 1_760_000_000,
      n: 1.5,
    });
  });

  test("a claim beyond 2^53 survives", () => {
    expect(verifyJwt(signJwt({ seed: 2n ** 64n - 1n }, KEY), { key: KEY, now: NOW })).toEqual({ seed: 2n ** 64n - 1n });
  });

  test("a changed token, another key or another algorithm is refused", async () => {
    const token = signJwt({ sub: "x" }, KEY);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const other = encode({ sub: "y" });
    expect(() => verifyJwt(token, { key: launchKey("other"), now: NOW })).toThrow(refused(/signature/));
    expect(() => verifyJwt(`${header}.${other}.${signature}`, { key: KEY, now: NOW })).toThrow(refused(/signature/));
    expect(() => verifyJwt(`${header}.${payload}.${signature.slice(1)}`, { key: KEY, now: NOW })).toThrow(
      refused(/signature/),
    );
    for (const alg of ["none", "HS512", "RS256", "hs256", undefined]) {
      expect(() => verifyJwt(forge({ alg, typ: "JWT" }, { sub: "x" }), { key: KEY, now: NOW })).toThrow(
        refused(/HS256/),
      );
    }
    expect(() => verifyJwt(`${encode({ alg: "none" })}.${payload}.`, { key: KEY, now: NOW })).toThrow(refused(/HS256/));
  });

  test("times: expiry without leeway, not before, not from the future", () => {
    const at = (claims: Record<string, unknown>) => () => verifyJwt(signJwt(claims, KEY), { key: KEY, now: NOW });
    expect(at({ exp: 1_760_000_001 })).not.toThrow();
    expect(at({ exp: 1_760_000_000 })).toThrow(refused(/expired/));
    expect(at({ iat: 1_760_000_000 })).not.toThrow();
    expect(at({ iat: 1_760_000_001 })).toThrow(refused(/future/));
    expect(at({ nbf: 1_760_000_001 })).toThrow(refused(/not valid yet/));
    for (const exp of ["1760000001", null, {}]) expect(at({ exp })).toThrow(refused(/exp is not a number/));
  });

  test("what the reader demands must be there", () => {
    const token = signJwt({ sub: "x" }, KEY);
    expect(() => verifyJwt(token, { key: KEY, now: NOW, requireExp: true })).toThrow(refused(/no expiry/));
    expect(() => verifyJwt(token, { key: KEY, now: NOW, issuer: "chutes" })).toThrow(refused(/issuer/));
    expect(() => verifyJwt(signJwt({ iss: "chutes" }, KEY), { key: KEY, now: NOW, issuer: "chutes" })).toThrow(
      refused(/time of issue/),
    );
  });

  test("claims that are not an object are refused", () => {
    for (const claims of [[], "text", null, 1]) {
      expect(() => verifyJwt(forge({ alg: "HS256" }, claims), { key: KEY, now: NOW })).toThrow(
        refused(/not a JSON object/),
      );
    }
  });

  test("any other text is refused as unauthorized", () => {
    const part = fc.string({ unit: fc.constantFrom(..."abc.-_={}é") });
    fc.assert(
      fc.property(part, (text) => {
        expect(() => verifyJwt(text, { key: KEY, now: NOW })).toThrow(refused(/./));
        expect(unverifiedClaims(text)).toBeUndefined();
      }),
    );
  });
});

test("unverified claims are read without any key", () => {
  expect(unverifiedClaims(signJwt({ url: "https://api.example.com/x" }, "whatever"))).toEqual({
    url: "https://api.example.com/x",
  });
});

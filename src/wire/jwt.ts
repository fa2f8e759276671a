import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError, messageOf } from "../kernel/errors.js";
import { sha256Hex } from "./hashes.js";
import { parseJson, stringifyJson } from "./json.js";

const HEADER_PART = encode({ alg: "HS256", typ: "JWT" });
const TOKEN_SHAPE = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

export type Claims = Readonly<Record<string, unknown>>;

/** What a token must satisfy besides its signature. */
export interface JwtRules {
  /** HMAC key as text; its ASCII bytes are used, never the bytes its hex would stand for. */
  readonly key: string;
  /** When given, `iss` must equal it and `iat` must be present. */
  readonly issuer?: string;
  readonly now: Date;
  readonly requireExp?: boolean;
}

/** HMAC key of launch and job tokens: the hex text of the secret's SHA-256. @see protocol 01 §15.1 */
export function launchKey(secret: string): string {
  return sha256Hex(secret);
}

/** HMAC key of an account's session tokens; it changes with the fingerprint. @see protocol 01 §5.2 */
export function sessionTokenKey(fingerprintHash: string, pgEncryptionKey: string): string {
  return sha256Hex(fingerprintHash + pgEncryptionKey);
}

/** HS256 token; claims keep the order of the object. @see protocol 05 §6.2 */
export function signJwt(claims: Claims, key: string): string {
  const signed = `${HEADER_PART}.${encode(claims)}`;
  return `${signed}.${mac(signed, key).toString("base64url")}`;
}

/**
 * Claims of a valid HS256 token: signature, `exp` and `nbf` without leeway, `iat` not in the future, issuer.
 * Throws AppError `unauthorized`; an expired token has its own message. @see protocol 01 §5.2, 05 §6.2
 */
export function verifyJwt(token: string, rules: JwtRules): Record<string, unknown> {
  const [, header = "", payload = "", signature = ""] = TOKEN_SHAPE.exec(token) ?? [];
  if (decodePart(header)?.["alg"] !== "HS256") throw refusal("the token is not an HS256 JWT");
  const expected = mac(`${header}.${payload}`, rules.key);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw refusal("the token's signature is invalid");
  const claims = decodePart(payload);
  if (claims === undefined) throw refusal("the token's claims are not a JSON object");
  checkTimes(claims, rules);
  checkIssuer(claims, rules.issuer);
  return claims;
}

/**
 * Claims without any check, for readers that hold no key and to find whose key applies; undefined when the text is no JWT.
 * Nothing in them may be trusted. @see protocol 05 §6.2
 */
export function unverifiedClaims(token: string): Record<string, unknown> | undefined {
  return decodePart(TOKEN_SHAPE.exec(token)?.[2] ?? "");
}

function checkTimes(claims: Claims, { now, requireExp = false }: JwtRules): void {
  const seconds = now.getTime() / 1000;
  const expires = timeClaim(claims, "exp");
  if (expires === undefined && requireExp) throw refusal("the token has no expiry");
  if (expires !== undefined && expires <= seconds) throw refusal("the token has expired");
  if ((timeClaim(claims, "iat") ?? 0) > seconds) throw refusal("the token was issued in the future");
  if ((timeClaim(claims, "nbf") ?? 0) > seconds) throw refusal("the token is not valid yet");
}

function checkIssuer(claims: Claims, issuer: string | undefined): void {
  if (issuer === undefined) return;
  if (claims["iss"] !== issuer) throw refusal("the token has another issuer");
  if (claims["iat"] === undefined) throw refusal("the token has no time of issue");
}

function timeClaim(claims: Claims, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw refusal(`the token's ${name} is not a number`);
}

function decodePart(part: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(Buffer.from(part, "base64url"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw new Error(`unexpected failure while reading a token: ${messageOf(error)}`, { cause: error });
  }
}

function encode(part: Claims): string {
  return Buffer.from(stringifyJson(part), "utf8").toString("base64url");
}

function mac(text: string, key: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function refusal(message: string): AppError {
  return new AppError("unauthorized", message);
}

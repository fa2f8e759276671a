import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { newLoginNonce } from "../../../domain/accounts/login-nonce-store.js";
import { apiUrl } from "../../../kernel/config/api-url.js";
import type { Config } from "../../../kernel/config/schema.js";
import { AppError } from "../../../kernel/errors.js";
import { expiredSessionCookie, SESSION_COOKIE } from "../auth-cookie.js";
import { accountByFingerprint } from "../auth-fingerprint.js";
import { accountByLoginSignature } from "../auth-login.js";
import { accountBySession, newSession } from "../auth-session.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const Secret = (maxLength: number) => nullable(Type.String({ maxLength }));

const LoginBody = Type.Object({
  fingerprint: Secret(1024),
  hotkey: Secret(64),
  signature: Secret(256),
  nonce: Secret(64),
});

const TokenObject = Type.Object({ token: Type.String({ description: "session token, valid for seven days" }) });

/** Sessions of people in browsers. @see protocol 01 §5 */
export const sessionRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const response = { 200: TokenObject };
  app.post("/users/login", { schema: { body: LoginBody, response } }, async (request, reply) => {
    const { fingerprint, hotkey, signature, nonce } = checkedBody(request, LoginBody);
    if (fingerprint) {
      const { userId } = await accountByFingerprint(deps, request, [fingerprint.trim()]);
      return sendToken(reply, await newSession(deps, userId));
    }
    if (!hotkey || !signature || !nonce)
      throw new AppError("invalid", "Give a fingerprint, or a hotkey with the signature of a login nonce.");
    const { userId } = await accountByLoginSignature(deps, request, { hotkey, signatureHex: signature, nonce });
    return sendToken(reply, await newSession(deps, userId));
  });

  const Nonce = Type.Object({ nonce: Type.String(), expires_in: Type.Integer({ description: "seconds" }) });
  app.get("/users/login/nonce", { schema: { response: { 200: Nonce } } }, async (_request, reply) => {
    const { nonce, expiresInSeconds } = await newLoginNonce(deps.redis);
    return reply.header("cache-control", "no-store").send({ nonce, expires_in: expiresInSeconds });
  });

  app.post("/users/login/session", { schema: { response } }, async (request, reply) => {
    requireSameOrigin(deps.config, request);
    const token = cookieOf(request);
    if (token === undefined) throw new AppError("unauthorized", "This browser is not logged in.");
    await accountBySession(deps, token);
    return sendToken(reply, token);
  });

  const status = { response: { 200: Type.Object({ status: Type.String() }) } };
  app.delete("/users/login/session", { schema: status }, async (request, reply) => {
    requireSameOrigin(deps.config, request);
    reply.header("cache-control", "no-store").header("set-cookie", expiredSessionCookie(deps.config));
    return reply.send({ status: "logged out" });
  });
};

function sendToken(reply: FastifyReply, token: string) {
  return reply.header("cache-control", "no-store").send({ token });
}

/** Cookies come along with requests of any page, so the page itself must be ours. */
function requireSameOrigin(config: Config, { headers }: FastifyRequest): void {
  if (headers["sec-fetch-site"] === "same-origin" || headers.origin === new URL(apiUrl(config)).origin) return;
  throw new AppError("forbidden", "Only pages of this server may handle the session of a browser.");
}

function cookieOf({ headers }: FastifyRequest): string | undefined {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim());
  const own = pairs.find((pair) => pair.startsWith(`${SESSION_COOKIE}=`));
  return own?.slice(SESSION_COOKIE.length + 1) || undefined;
}
